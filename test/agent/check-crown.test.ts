import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent/agent.js';
import { checkAgentCrown } from '../../src/agent/check-crown.js';
import { agentConfigSchema } from '../../src/agent/config.js';
import { Notifier } from '../../src/agent/notify.js';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { loadProfile } from '../../src/device/profile.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { DEVICE_METHODS, deviceMethod } from '../../src/learn/device-method.js';
import { NOTHING_TO_TRAIN, trainingObstacle } from '../../src/learn/trainable.js';
import { tinyModel, writeTiny } from '../backbone/tiny-backbone.js';
import { FAMILIES, familyBackbone, fixtureFile } from '../fixtures/families.js';
import { scratchFolder } from '../store/scratch.js';
import { expectRefusal, withOddLayer } from './odd-crown.js';
import { quiet } from './rooms.js';

const scratch = scratchFolder();
const engine = new OrtEngine();

let odd: string;
beforeEach(() => {
  odd = writeTiny(scratch.path('odd'), {}, withOddLayer());
});

describe('a crown that cannot be trained', () => {
  it.each(DEVICE_METHODS)('is known by its graph alone, for %s', async (name) => {
    const { crown } = await Backbone.open(odd, engine);
    expect(trainingObstacle(crown, deviceMethod(name))).toMatch(/LRN|\(Conv\).*groups|Add/);
    const { crown: good } = await Backbone.open(writeTiny(scratch.path('good')), engine);
    expect(trainingObstacle(good, deviceMethod(name))).toBeNull();
  });

  it('is one without weights, or whose features no head can read', async () => {
    const { crown } = await Backbone.open(writeTiny(scratch.path('bare'), { split: 'head' }), engine);
    for (const name of DEVICE_METHODS) {
      const expected = ['den', 'ags-cl'].includes(name) ? /no.* chain of layers/ : NOTHING_TO_TRAIN;
      expect(trainingObstacle(crown, deviceMethod(name)), name).toMatch(expected);
    }
    const maps = tinyModel();
    maps.graph.nodes.pop();
    maps.graph.outputs[0] = { name: 'pool', type: 1 };
    const file = writeTiny(scratch.path('maps'), { features: 'pool' }, maps);
    const { crown: unflat } = await Backbone.open(file, engine);
    expect(trainingObstacle(unflat, deviceMethod('piggyback'))).toMatch(/'pool' is \[2, 6, 1, 1\].*Flatten/);
  });

  it('is refused when the agent starts, for each method that its settings name', async () => {
    const start = (settings: object) => {
      const config = agentConfigSchema.parse({ store: scratch.path('agent'), log: 'silent', ...settings });
      const profile = { ...loadProfile('generic-x86'), threads: 1 };
      return Agent.start({ config, profile, version: '0.0.0', notifier: new Notifier({}), log: quiet });
    };
    const refused = await start({ backbone: odd }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'crown-untrainable' });
    expectRefusal((refused as Error).message, odd, 'learn.isolation: piggyback');
    // Nothing was opened for samples, and the store was let go of.
    expect(existsSync(scratch.path('agent/replay.slab'))).toBe(false);
    const tasks = { lids: { isolation: 'pnn' } };
    // A mask fits this one, and no column grows through it.
    const good = { backbone: fixtureFile('shufflenet-v2.json') };
    await expect(start({ ...good, tasks })).rejects.toThrow(/task 'lids', isolation: pnn.*cannot be grown/);
    await expect(start({ ...good, learn: { isolation: 'auto' } })).rejects.toThrow(/learn.isolation: auto/);
  });
});

describe('a crown that can be trained', () => {
  it('is the default one, by every method', async () => {
    const backbone = await Backbone.open(defaultManifest(), engine);
    for (const name of DEVICE_METHODS)
      expect(trainingObstacle(backbone.crown, deviceMethod(name)), name).toBeNull();
    const settings = { tasks: { a: { isolation: 'auto' }, b: { isolation: 'cpg' } } };
    checkAgentCrown(backbone, defaultManifest(), agentConfigSchema.parse(settings));
  });

  it.each(FAMILIES)('is that of %s, by a mask', async (name) => {
    const { crown } = await familyBackbone(name, engine);
    expect(trainingObstacle(crown, deviceMethod('piggyback'))).toBeNull();
  });
});
