import type { Backbone } from '../../src/backbone/backbone.js';
import type { Engine } from '../../src/engine/engine.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { calibrate } from '../../src/learn/streaming/calibrate.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { Random } from '../../src/random.js';
import { TaskChooser } from '../../src/recognize/chooser.js';
import { FrozenFeatures } from '../../src/recognize/frozen-features.js';
import { bareModel, instantModel } from '../../src/recognize/task-model.js';
import type { PictureSet } from './pictures.js';

/** Of a class at most so many photographs are known, and at most two thirds; of those one in five is held out. */
const KNOWN = 60;
const HELD_OUT_EVERY = 5;

/** What a device knows, and what is left to test it on. */
export interface Known {
  chooser: TaskChooser;
  features: FrozenFeatures;
  discriminants: ReadonlyMap<string, StreamingDiscriminant>;
  /** For each set, what its discriminant was fitted on. */
  fitted: ReadonlyMap<string, readonly { label: string; latent: Uint8Array }[]>;
  /** Answers of all known classes with probabilities. */
  answers: TaskNetwork;
  classes: readonly string[];
  /** The instant answer of each task, which is asked when its task is chosen. */
  tasks: ReadonlyMap<string, { network: TaskNetwork; classes: readonly string[] }>;
  /** For each set, indices of photographs that the device never saw, of the classes that it knows. */
  tests: Map<string, number[]>;
  close(): Promise<void>;
}

/** Lets a device see some sets, each as a task, except for some classes. */
export async function learnSets(
  engine: Engine,
  backbone: Backbone,
  sets: readonly PictureSet[],
  falseAlarms: number,
  seed: number,
  without: readonly string[] = [],
): Promise<Known> {
  const random = new Random(seed);
  const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec);
  const discriminants = new Map<string, StreamingDiscriminant>();
  const heldOut: { task: string; label: string; latent: Uint8Array }[] = [];
  const samples = new Map<string, { label: string; latent: Uint8Array }[]>();
  const tests = new Map<string, number[]>();
  for (const set of sets) {
    const fitted: number[] = [];
    const test: number[] = [];
    for (const label of set.classes.filter((c) => !without.includes(c))) {
      const own = random.shuffle(set.labels.flatMap((l, i) => (l === label ? [i] : [])));
      const known = own.slice(0, Math.min(KNOWN, Math.floor((2 * own.length) / 3)));
      known.forEach((i, k) => {
        if (k % HELD_OUT_EVERY === 0) heldOut.push({ task: set.name, label, latent: set.latents[i]! });
        else fitted.push(i);
      });
      // As many of each class as are known, at most: what is promised of known pictures is of pictures that come as those.
      test.push(...own.slice(known.length, known.length + KNOWN));
    }
    const { summary } = await network.describe(fitted.map((i) => set.latents[i]!));
    const discriminant = new StreamingDiscriminant(network.blocks);
    await discriminant.addAll(
      engine,
      summary,
      fitted.map((i) => set.labels[i]!),
    );
    discriminants.set(set.name, discriminant);
    samples.set(
      set.name,
      fitted.map((i) => ({ label: set.labels[i]!, latent: set.latents[i]! })),
    );
    tests.set(set.name, random.shuffle(test));
  }
  await network.close();
  const features = await FrozenFeatures.open(engine, backbone);
  const novelty = { falseAlarms, heldOut: heldOut.map((s) => s.latent) };
  const chooser = await TaskChooser.open(features, discriminants, novelty);
  const summaries = await features.of(novelty.heldOut);
  const merged = StreamingDiscriminant.merge(discriminants);
  await merged.factorized();
  await calibrate(
    merged,
    summaries,
    heldOut.map(({ task, label }) => `${task}/${label}`),
  );
  const head = await merged.head();
  const answers = await TaskNetwork.open(engine, instantModel(backbone, head), backbone.latentCodec);
  const tasks = new Map<string, { network: TaskNetwork; classes: readonly string[] }>();
  for (const [name, discriminant] of discriminants) {
    const ofTask = heldOut.flatMap(({ task }, i) => (task === name ? [i] : []));
    await discriminant.factorized();
    await calibrate(
      discriminant,
      ofTask.map((i) => summaries[i]!),
      ofTask.map((i) => heldOut[i]!.label),
    );
    const own = await discriminant.head();
    const opened = await TaskNetwork.open(engine, instantModel(backbone, own), backbone.latentCodec);
    tasks.set(name, { network: opened, classes: own.classes });
  }
  const close = async () => {
    await features.close();
    await answers.close();
    for (const { network } of tasks.values()) await network.close();
  };
  return {
    ...{ chooser, features, discriminants, fitted: samples },
    ...{ answers, classes: head.classes, tasks, tests, close },
  };
}
