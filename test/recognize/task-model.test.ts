import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { decodeAdapter } from '../../src/learn/adapter.js';
import { digestOf } from '../../src/learn/digest.js';
import { checkBackbone, earlierAdapters, versionModel } from '../../src/recognize/task-model.js';
import { openStore, type Store } from '../../src/store/store.js';
import { smallBackbone } from '../learn/small-backbone.js';
import { scratchFolder } from '../store/scratch.js';
import { addVersion } from './device.js';

const engine = new OrtEngine();
const scratch = scratchFolder();
let backbone: Backbone;
let store: Store;

beforeEach(async () => {
  backbone = await smallBackbone(scratch.path('backbone'), engine);
  store = openStore(scratch.path('store'));
  for (const name of ['first', 'second']) {
    store.tasks.create({ name, isolation: 'piggyback', backbone: backbone.id, classes: ['a', 'b'] });
  }
});
afterEach(() => store.close());

describe("a stored version's network", () => {
  it('is the same bits after the store was closed and opened', async () => {
    const version = addVersion(backbone, store, 'first', 'b');
    const digest = () => {
      const model = versionModel(backbone, store.versions, store.tasks.require('first'), version);
      return digestOf(engine, model, backbone.latentCodec);
    };
    const before = await digest();
    store.close();
    store = openStore(scratch.path('store'));
    expect(await digest()).toBe(before);
  });

  it('is built on the versions that it requires, in their order', () => {
    const [a, b] = ['first', 'second'].map((task) => addVersion(backbone, store, task, 'a'));
    const requirement = (v: typeof a) => ({ task: v!.task, version: v!.number, sha256: v!.sha256 });
    const found = earlierAdapters(store.versions, [requirement(b), requirement(a)]);
    expect(found).toHaveLength(2);
    expect([...found[0]!]).toEqual([...decodeAdapter(store.versions.adapter(b!.id)).tensors]);
  });

  it('is refused where what it requires is not here, or is another', () => {
    const { task, number, sha256 } = addVersion(backbone, store, 'first', 'a');
    const read = (change: object) => () =>
      earlierAdapters(store.versions, [{ task, version: number, sha256, ...change }]);
    expect(read({})).not.toThrow();
    for (const change of [{ version: 9 }, { task: 'none' }, { sha256: 'f'.repeat(64) }]) {
      expect(read(change)).toThrow(
        /version \d of task '\w+' with the hash [0-9a-f]{64} is needed, and is not in the store/,
      );
    }
  });
});

describe("a task's backbone", () => {
  it('must be the same file, cut at the same tensor; its name does not matter', () => {
    const task = store.tasks.require('first');
    const check = (change: object) => () =>
      checkBackbone(backbone, { ...task, backbone: { ...task.backbone, ...change } });
    expect(check({})).not.toThrow();
    expect(check({ name: 'renamed' })).not.toThrow();
    expect(check({ split: 'sum' })).toThrow(
      /was learned on backbone small \([0-9a-f]{12}, cut at sum\), but this is small .*cut at latent\); give the right one with --backbone/,
    );
    expect(check({ sha256: '0'.repeat(64) })).toThrow(/000000000000/);
  });
});
