import { Backbone } from '../src/backbone/backbone.js';
import type { LatentEncoding } from '../src/backbone/latent.js';
import { latentsOfFiles } from '../src/backbone/latents.js';
import { defaultManifest } from '../src/backbone/manifest.js';
import { classesOf } from '../src/capture/class-folders.js';
import type { Engine } from '../src/engine/engine.js';
import { OrtEngine } from '../src/engine/ort.js';
import { encodeAdapter } from '../src/learn/adapter.js';
import {
  type Candidate,
  instantCandidate,
  type LabelledLatent,
  trainedCandidate,
} from '../src/learn/candidate.js';
import { deployModel } from '../src/learn/deploy.js';
import { answers } from '../src/learn/head.js';
import { isolationNamed, regularizationNamed, rehearsalNamed } from '../src/learn/methods.js';
import { TaskNetwork } from '../src/learn/network.js';
import { atMost, type Dataset, readDataset, splitOf } from './data.js';
import { type Summary, summaryOf } from './statistics.js';

export const ACCURACY_METHODS = ['instant', 'piggyback', 'pnn'] as const;
export type AccuracyMethod = (typeof ACCURACY_METHODS)[number];

/** At most so many samples of a class are trained on. */
const TRAIN_PER_CLASS = 60;
/** The second test counts at most so many samples of a class. */
const TEST_PER_CLASS = 60;

export interface AccuracyOptions {
  folder: string;
  datasets: readonly Dataset[];
  methods: readonly AccuracyMethod[];
  seeds: number;
  epochs: number;
  latents: LatentEncoding;
}

export interface AccuracyRow {
  dataset: Dataset;
  method: AccuracyMethod;
  latents: LatentEncoding;
  trainSamples: number;
  testSamples: number;
  /** On everything that was not trained on. */
  all: Summary;
  /** On at most 60 of each class of it. */
  atMost60: Summary;
  adapterBytes: number;
  backboneBytes: number;
  secondsPerTraining: number;
}

/**
 * Accuracy on photographs that were neither trained nor tuned on: shrinkage and temperature by cross-validation
 * on the training samples (as `lichen learn --held-out 0`).
 */
export async function measureAccuracy(
  options: AccuracyOptions,
  say: (text: string) => void,
): Promise<AccuracyRow[]> {
  const engine = new OrtEngine();
  const backbone = await Backbone.open(defaultManifest(), engine, undefined, options.latents);
  const rows: AccuracyRow[] = [];
  for (const dataset of options.datasets) {
    const files = readDataset(options.folder, dataset);
    const classes = classesOf(files);
    const trunk = await backbone.openTrunk(engine);
    const paths = files.map((f) => f.file);
    const read = await latentsOfFiles(paths, trunk, backbone.manifest.input, 8, (n) =>
      say(`${dataset}: ${n}/${paths.length} pictures read`),
    );
    await trunk.close();
    const labelOf = new Map(files.map((f) => [f.file, f.label]));
    const labels = read.latents.map((l) => classes.indexOf(labelOf.get(l.file)!));
    const latents = read.latents.map((l) => l.latent);
    for (const method of options.methods) {
      const runs: Run[] = [];
      for (let seed = 0; seed < options.seeds; seed++) {
        const run = await oneRun(
          engine,
          backbone,
          { latents, labels, classes },
          method,
          seed,
          options.epochs,
        );
        runs.push(run);
        say(
          `${dataset}, ${method}, seed ${seed}: ${run.all.toFixed(4)} of all, ${run.atMost60.toFixed(4)} of at most ${TEST_PER_CLASS} a class`,
        );
      }
      rows.push({
        dataset,
        method,
        latents: options.latents,
        trainSamples: runs[0]!.trainSamples,
        testSamples: runs[0]!.testSamples,
        all: summaryOf(runs.map((r) => r.all)),
        atMost60: summaryOf(runs.map((r) => r.atMost60)),
        adapterBytes: Math.max(...runs.map((r) => r.adapterBytes)),
        backboneBytes: backbone.bytes,
        secondsPerTraining: summaryOf(runs.map((r) => r.seconds)).mean,
      });
    }
  }
  return rows;
}

interface Run {
  trainSamples: number;
  testSamples: number;
  all: number;
  atMost60: number;
  adapterBytes: number;
  seconds: number;
}

async function oneRun(
  engine: Engine,
  backbone: Backbone,
  set: { latents: readonly Uint8Array[]; labels: readonly number[]; classes: readonly string[] },
  method: AccuracyMethod,
  seed: number,
  epochs: number,
): Promise<Run> {
  const { latents, labels, classes } = set;
  const { train, test } = splitOf(labels, TRAIN_PER_CLASS, 100 + seed);
  const samples = train.map(
    (i): LabelledLatent => ({ latent: latents[i]!, label: labels[i]!, heldOut: false, fresh: true }),
  );
  const data = { backbone, classes, samples };
  const isolation = isolationNamed(method === 'instant' ? 'frozen' : method);
  const regularization = regularizationNamed('none');
  const candidate: Candidate =
    method === 'instant'
      ? await instantCandidate(engine, data, { seed })
      : await trainedCandidate(
          engine,
          { isolation, regularization, rehearsal: rehearsalNamed('er') },
          data,
          [],
          {
            seed,
            epochs,
          },
        );
  const deployed = deployModel(isolation, { crown: backbone.crown, earlier: [] }, candidate.adapter);
  const network = await TaskNetwork.open(engine, deployed, backbone.latentCodec);
  try {
    const given = answers(await network.probabilities(test.map((i) => latents[i]!)));
    const right = new Set(test.filter((i, k) => given[k] === labels[i]));
    const few = atMost(test, labels, TEST_PER_CLASS);
    return {
      trainSamples: train.length,
      testSamples: test.length,
      all: right.size / test.length,
      atMost60: few.filter((i) => right.has(i)).length / few.length,
      adapterBytes: encodeAdapter(candidate.adapter).length,
      seconds: candidate.metrics.seconds,
    };
  } finally {
    await network.close();
  }
}
