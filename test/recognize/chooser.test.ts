import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { TaskChooser } from '../../src/recognize/chooser.js';
import { FrozenFeatures } from '../../src/recognize/frozen-features.js';
import { openStore } from '../../src/store/store.js';
import { smallBackbone } from '../learn/small-backbone.js';
import { patternSamples } from '../learn/small-crown.js';
import { scratchFolder } from '../store/scratch.js';
import { learnInstantly } from './device.js';

const engine = new OrtEngine();
const scratch = scratchFolder();

describe('the chooser', () => {
  it('finds the task of each sample, also where tasks have classes of the same name', async () => {
    const backbone = await smallBackbone(scratch.path('backbone'), engine);
    const store = openStore(scratch.path('store'));
    const { latents, labels } = patternSamples(160, 4, 1);
    const test = patternSamples(80, 4, 2);
    const taskOf = (label: number) => (label < 2 ? 'day' : 'night');
    for (const task of ['day', 'night']) {
      const part = labels.flatMap((l, i) => (taskOf(l) === task ? [i] : []));
      const seen = {
        latents: part.map((i) => latents[i]!),
        labels: part.map((i) => ['open', 'shut'][labels[i]! % 2]!),
      };
      await learnInstantly(engine, backbone, store, task, seen);
    }
    const state = (task: string) => StreamingDiscriminant.decode(store.discriminants.load(task)!.state);
    const discriminants = new Map(['day', 'night'].map((t) => [t, state(t)]));
    const before = [...discriminants.values()].map((d) => Buffer.concat([...d.encode()]));
    const features = await FrozenFeatures.open(engine, backbone);
    const chooser = await TaskChooser.open(features, discriminants);
    const chosen = await chooser.choose(test.latents);
    const right = chosen.filter((task, i) => task === taskOf(test.labels[i]!)).length;
    expect(right / chosen.length).toBeGreaterThan(0.8);
    expect(await chooser.choose([])).toEqual([]);
    await features.close();
    // Pooling the tasks' statistics changes none of them.
    [...discriminants.values()].forEach((d, i) => {
      expect(Buffer.concat([...d.encode()]).equals(before[i]!)).toBe(true);
    });
    store.close();
  });

  it('refuses to choose among none', async () => {
    const backbone = await smallBackbone(scratch.path('backbone'), engine);
    const features = await FrozenFeatures.open(engine, backbone);
    await expect(TaskChooser.open(features, new Map())).rejects.toMatchObject({
      code: 'task-untrained',
      message: expect.stringMatching(/no task has been learned on this device.*name the task/),
    });
    await features.close();
  });
});
