import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Engine } from '../../src/engine/engine.js';
import { encodeAdapter } from '../../src/learn/adapter.js';
import { trainedCandidate } from '../../src/learn/candidate.js';
import { isolationNamed, regularizationNamed, rehearsalNamed } from '../../src/learn/methods.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { Random } from '../../src/random.js';
import type { RecentLabel } from '../../src/recognize/corrected-task.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import { bareModel } from '../../src/recognize/task-model.js';
import { openStore, type Store } from '../../src/store/store.js';
import { splitOf } from '../data.js';
import { type Summary, summaryOf } from '../statistics.js';
import { type PictureSet, readSet } from './pictures.js';

export const CORRECTED_METHODS = ['piggyback', 'pnn'] as const;
export type CorrectedMethod = (typeof CORRECTED_METHODS)[number];

const TASK = 'hand-signs';
/** One in so many of the training samples is held out. */
const HELD_OUT_EVERY = 5;
/** So many labels are also tried alone. */
const ALONE = 4;
/** So many photographs that are never labelled tell the accuracy. */
const NEVER = 300;
/** So many photographs are labelled whether they were answered rightly or not. */
const WHATEVER = 100;

export interface CorrectionsOptions {
  folder: string;
  methods: readonly CorrectedMethod[];
  perClass: number;
  epochs: number;
  seeds: number;
  firstSeed: number;
}

/** What labels change about what a trained version answers, before it is trained again. */
interface Run {
  /** Of photographs that are never labelled, by the version alone. */
  accuracy: number;
  /** Wrongly answered photographs of those that the owner looks at; each of them is labelled. */
  labelled: number;
  /** Share of them that is answered rightly when shown again after its label; and after all of the labels. */
  atOnce: number;
  afterAll: number;
  /** The change of the accuracy by one label alone, mean and lowest; by all; by labels of right and wrong answers. */
  byOne: number;
  byOneLowest: number;
  byAll: number;
  byWhatever: number;
  /** Milliseconds from a label to the answer, median and longest; the first one loads what corrections need. */
  milliseconds: number;
  longest: number;
}

export interface CorrectionsRow extends Record<keyof Run, Summary> {
  method: CorrectedMethod;
  perClass: number;
}

/** How a label changes the answers of a trained version at once, on photographs of hand signs. */
export async function measureCorrections(
  engine: Engine,
  options: CorrectionsOptions,
  say: (text: string) => void,
): Promise<{ rows: CorrectionsRow[] }> {
  const backbone = await Backbone.open(defaultManifest(), engine);
  const trunk = await backbone.openTrunk(engine);
  const signs = await readSet(options.folder, TASK, backbone, trunk, say);
  await trunk.close();
  return { rows: await correctionsOf(engine, backbone, signs, options, say) };
}

/** The same for photographs whose latents are known. */
export async function correctionsOf(
  engine: Engine,
  backbone: Backbone,
  signs: PictureSet,
  options: Omit<CorrectionsOptions, 'folder'>,
  say: (text: string) => void,
): Promise<CorrectionsRow[]> {
  const { methods, perClass, seeds, firstSeed } = options;
  const rows: CorrectionsRow[] = [];
  for (const method of methods) {
    const runs: Run[] = [];
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      say(`${method}, seed ${seed}`);
      runs.push(await oneRun(engine, backbone, signs, method, seed, options));
    }
    const of = (key: keyof Run) => summaryOf(runs.map((r) => r[key]));
    rows.push({
      ...{ method, perClass, accuracy: of('accuracy'), labelled: of('labelled') },
      ...{ atOnce: of('atOnce'), afterAll: of('afterAll') },
      ...{ byOne: of('byOne'), byOneLowest: of('byOneLowest') },
      ...{ byAll: of('byAll'), byWhatever: of('byWhatever') },
      ...{ milliseconds: of('milliseconds'), longest: of('longest') },
    });
  }
  return rows;
}

async function oneRun(
  engine: Engine,
  backbone: Backbone,
  signs: PictureSet,
  method: CorrectedMethod,
  seed: number,
  { perClass, epochs }: Pick<CorrectionsOptions, 'perClass' | 'epochs'>,
): Promise<Run> {
  const labels = signs.labels.map((label) => signs.classes.indexOf(label));
  const { train, test } = splitOf(labels, perClass, 100 + seed);
  const shuffled = new Random(seed).shuffle([...test]);
  const looked = shuffled.slice(0, Math.floor(shuffled.length / 2));
  const never = shuffled.slice(looked.length, looked.length + NEVER);
  const folder = mkdtempSync(join(tmpdir(), 'lichen-corrections-'));
  const store = openStore(folder);
  try {
    await trainVersion(engine, backbone, signs, labels, train, store, method, { epochs, seed });
    const device = () => Device.open(engine, backbone, store, signs, train);
    const first = await device();
    const accuracy = await first.accuracy(never);
    const given = await first.answers(looked);
    const wrong = looked.filter((i, k) => given[k] !== signs.labels[i]);
    const alone: number[] = [];
    for (const i of wrong.slice(0, ALONE)) {
      await first.label(i);
      alone.push((await first.accuracy(never)) - accuracy);
      await first.takeBack();
    }
    await first.close();

    const second = await device();
    // What is timed begins with a device that has answered before.
    await second.answers(looked.slice(0, 1));
    let right = 0;
    const times: number[] = [];
    for (const i of wrong) {
      const start = performance.now();
      await second.label(i);
      const [answer] = await second.answers([i]);
      times.push(performance.now() - start);
      if (answer === signs.labels[i]) right++;
    }
    const afterAll = await second.accuracy(wrong);
    const byAll = (await second.accuracy(never)) - accuracy;
    await second.close();

    const third = await device();
    for (const i of looked.slice(0, WHATEVER)) await third.label(i);
    const byWhatever = (await third.accuracy(never)) - accuracy;
    await third.close();
    return {
      ...{ accuracy, labelled: wrong.length, atOnce: right / wrong.length, afterAll, byAll, byWhatever },
      byOne: alone.reduce((sum, a) => sum + a, 0) / alone.length,
      byOneLowest: Math.min(...alone),
      milliseconds: [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!,
      longest: Math.max(...times),
    };
  } finally {
    store.close();
    rmSync(folder, { recursive: true });
  }
}

async function trainVersion(
  engine: Engine,
  backbone: Backbone,
  signs: PictureSet,
  labels: readonly number[],
  train: readonly number[],
  store: Store,
  method: CorrectedMethod,
  learner: { epochs: number; seed: number },
): Promise<void> {
  const { classes } = signs;
  const samples = train.map((i, k) => ({
    ...{ latent: signs.latents[i]!, label: labels[i]!, heldOut: k % HELD_OUT_EVERY === 0, fresh: true },
  }));
  const strategies = {
    isolation: isolationNamed(method),
    regularization: regularizationNamed('none'),
    rehearsal: rehearsalNamed('er'),
  };
  const { adapter } = await trainedCandidate(engine, strategies, { backbone, classes, samples }, [], learner);
  store.tasks.create({ name: TASK, isolation: method, backbone: backbone.id, classes });
  const version = store.versions.add({
    ...{ task: TASK, source: 'trained', isolation: method, classes, metrics: {} },
    adapter: encodeAdapter(adapter),
  });
  store.versions.promote(TASK, version.id, 'bench');
}

/** A device that runs the version, with its discriminant in memory as the agent holds it. */
class Device {
  private readonly signs: PictureSet;
  private readonly network: TaskNetwork;
  private readonly discriminant: StreamingDiscriminant;
  private readonly recent: RecentLabel[] = [];
  private readonly recognizer: Recognizer;

  private constructor(
    engine: Engine,
    backbone: Backbone,
    store: Store,
    signs: PictureSet,
    network: TaskNetwork,
    discriminant: StreamingDiscriminant,
  ) {
    this.signs = signs;
    this.network = network;
    this.discriminant = discriminant;
    this.recognizer = new Recognizer(engine, backbone, store, {
      live: () => discriminant,
      hurry: true,
      recentLabels: () => this.recent,
    });
  }

  static async open(
    engine: Engine,
    backbone: Backbone,
    store: Store,
    signs: PictureSet,
    train: readonly number[],
  ): Promise<Device> {
    const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec);
    const learned = train.filter((_, k) => k % HELD_OUT_EVERY !== 0);
    const { summary } = await network.describe(learned.map((i) => signs.latents[i]!));
    const discriminant = new StreamingDiscriminant(network.blocks);
    await discriminant.addAll(
      engine,
      summary,
      learned.map((i) => signs.labels[i]!),
    );
    return new Device(engine, backbone, store, signs, network, discriminant);
  }

  async label(index: number): Promise<void> {
    const { latents, labels } = this.signs;
    const { summary } = await this.network.describe([latents[index]!]);
    this.discriminant.add(summary.data, labels[index]!);
    this.recent.push({ id: String(index), label: labels[index]!, latent: () => latents[index]! });
    await this.recognizer.labelled(TASK);
  }

  /** Takes the last label back, once nothing is being computed of it. */
  async takeBack(): Promise<void> {
    await this.recognizer.settled();
    const { id, label } = this.recent.pop()!;
    const { summary } = await this.network.describe([this.signs.latents[Number(id)]!]);
    this.discriminant.remove(summary.data, label);
    await this.recognizer.labelled(TASK);
  }

  async answers(indices: readonly number[]): Promise<string[]> {
    const latents = indices.map((i) => this.signs.latents[i]!);
    return (await this.recognizer.classify(latents, TASK)).map((a) => a.label);
  }

  async accuracy(indices: readonly number[]): Promise<number> {
    const given = await this.answers(indices);
    return given.filter((label, k) => label === this.signs.labels[indices[k]!]).length / indices.length;
  }

  async close(): Promise<void> {
    await this.recognizer.close();
    await this.network.close();
  }
}
