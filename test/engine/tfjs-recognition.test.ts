import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeTask } from '../../src/agent/close-task.js';
import { trainTask } from '../../src/agent/train-task.js';
import { verifyStore } from '../../src/agent/verify.js';
import type { Backbone } from '../../src/backbone/backbone.js';
import type { Engine } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import { openStore, type Store } from '../../src/store/store.js';
import { smallBackbone } from '../learn/small-backbone.js';
import { patternSamples } from '../learn/small-crown.js';
import { learnInstantly, type Seen } from '../recognize/device.js';
import { scratchFolder } from '../store/scratch.js';
import { testedBackends } from './tfjs-backends.js';

const ort = new OrtEngine();
const scratch = scratchFolder();
let backbone: Backbone;
let store: Store;

/** Samples of four patterns: two are the classes of the task 'left', two those of 'right'. */
function samples(seed: number, count: number): Record<'left' | 'right', Seen> {
  const { latents, labels } = patternSamples(count, 4, seed);
  const part = (names: Record<number, string>): Seen => {
    const chosen = labels.flatMap((l, i) => (l in names ? [i] : []));
    return { latents: chosen.map((i) => latents[i]!), labels: chosen.map((i) => names[labels[i]!]!) };
  };
  return { left: part({ 0: 'a', 1: 'b' }), right: part({ 2: 'x', 3: 'y' }) };
}

beforeEach(async () => {
  backbone = await smallBackbone(scratch.path('backbone'), ort);
  store = openStore(scratch.path('store'));
});
afterEach(() => store.close());

async function answers(engine: Engine, latents: readonly Uint8Array[], task?: string) {
  const recognizer = new Recognizer(engine, backbone, store);
  try {
    return await recognizer.classify(latents, task);
  } finally {
    await recognizer.close();
  }
}

/** Both engines give the same answers, as probabilities of four digits. */
async function expectAlike(engine: Engine, latents: readonly Uint8Array[], task?: string): Promise<void> {
  const [expected, found] = [await answers(ort, latents, task), await answers(engine, latents, task)];
  expect(found).toHaveLength(latents.length);
  found.forEach((answer, i) => {
    const other = expected[i]!;
    expect(answer).toMatchObject({ task: other.task, version: other.version });
    for (const { label, probability } of answer.all) {
      expect(probability).toBeCloseTo(other.all.find((a) => a.label === label)!.probability, 4);
    }
  });
}

describe.each(testedBackends())('recognizing with the engine tfjs $title', ({ engine }) => {
  it.skipIf(!engine)('answers at once as ONNX Runtime does, and chooses the same task', async () => {
    const seen = samples(1, 60);
    await learnInstantly(ort, backbone, store, 'left', seen.left);
    await learnInstantly(ort, backbone, store, 'right', seen.right);
    const { left, right } = samples(2, 16);
    await expectAlike(engine!, left.latents, 'left');
    await expectAlike(engine!, [...left.latents, ...right.latents]);
  });

  it.skipIf(!engine).each(['piggyback', 'pnn'] as const)(
    'answers by a trained %s alike',
    async (isolation) => {
      const { latents, labels } = samples(3, 40).left;
      const classes = ['a', 'b'];
      const task = store.tasks.create({ name: 'left', isolation, backbone: backbone.id, classes });
      const labelled = latents.map((latent, i) => ({
        latent,
        label: classes.indexOf(labels[i]!),
        heldOut: false,
        fresh: true,
      }));
      await trainTask(ort, backbone, store, task, labelled, {
        isolation,
        rehearsal: 'er',
        learner: { epochs: 2, batch: 8, seed: 1 },
      });
      expect(store.versions.current('left')?.isolation).toBe(isolation);
      await expectAlike(engine!, samples(4, 16).left.latents, 'left');
      // Digests are of ONNX Runtime's answers, whichever engine serves.
      expect(await verifyStore(engine!, backbone, store)).toMatchObject([{ ok: true, problem: null }]);
    },
  );

  it.skipIf(!engine)('closes a task with the digest that ONNX Runtime verifies', async () => {
    await learnInstantly(ort, backbone, store, 'left', samples(5, 30).left);
    await closeTask(engine!, backbone, store, 'left');
    expect(await verifyStore(ort, backbone, store)).toMatchObject([{ closed: true, ok: true }]);
  });
});
