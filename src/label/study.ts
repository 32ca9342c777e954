import { answers as largest } from '../learn/head.js';
import type { TaskNetwork } from '../learn/network.js';
import { Discriminant } from '../learn/streaming/discriminant.js';
import type { Random } from '../random.js';
import type { StudyView } from './api.js';
import { forecastOf } from './forecast.js';

/** A sample that is kept. */
export interface Studied {
  sample: string;
  label: string;
  heldOut: boolean;
  latent: Uint8Array;
}

export interface StudyParts {
  /** The frozen crown without a head. */
  network: TaskNetwork;
  /** Of the task's discriminant. */
  shrinkage: number;
  temperature: number;
  /** What the task answers now. */
  answers: (latents: readonly Uint8Array[]) => Promise<{ label: string }[]>;
  random: Random;
}

/** Shares of the samples that the learning curve is measured at, and over how many draws. */
const CURVE = [
  { share: 1 / 8, draws: 6 },
  { share: 1 / 4, draws: 4 },
  { share: 1 / 2, draws: 3 },
  { share: 4 / 5, draws: 3 },
] as const;
const FOLDS = 5;
const MOST_DOUBTFUL = 24;

/** The samples, and what a discriminant computes of them. */
interface Material {
  samples: readonly Studied[];
  classes: readonly string[];
  labels: readonly number[];
  discriminant: Discriminant;
  shrinkage: number;
}

/**
 * Looks into a task: what it takes for what, how accuracy grows with labels, and which labels are doubtful. Some seconds of
 * the processor's time for hundreds of samples, in small parts.
 * @param at when, in milliseconds since 1970
 */
export async function studyTask(
  samples: readonly Studied[],
  { network, shrinkage, temperature, answers, random }: StudyParts,
  at: number,
): Promise<StudyView> {
  const classes = [...new Set(samples.map((s) => s.label))].sort();
  const labels = samples.map((s) => classes.indexOf(s.label));
  const heldOut = samples.filter((s) => s.heldOut);
  const confusion = await confusionOf(heldOut, answers);
  if (classes.length < 2) {
    return { at, samples: samples.length, confusion, curve: [], forecast: null, doubtful: [] };
  }
  const { summary } = await network.describe(samples.map((s) => s.latent));
  const discriminant = await Discriminant.prepare(summary, labels, classes.length, network.blocks);
  const material = { samples, classes, labels, discriminant, shrinkage };
  const curve = await learningCurve(material, random);
  return {
    ...{ at, samples: samples.length, confusion, curve },
    forecast: forecastOf(curve, samples.length),
    doubtful: await doubtfulOf(material, temperature, random),
  };
}

async function confusionOf(
  heldOut: readonly Studied[],
  answers: StudyParts['answers'],
): Promise<StudyView['confusion']> {
  if (heldOut.length === 0) return null;
  const given = await answers(heldOut.map((s) => s.latent));
  const classes = [...new Set([...heldOut.map((s) => s.label), ...given.map((a) => a.label)])].sort();
  const counts = classes.map(() => classes.map(() => 0));
  heldOut.forEach(({ label }, i) => {
    counts[classes.indexOf(label)]![classes.indexOf(given[i]!.label)]!++;
  });
  return { classes, counts };
}

/** Each draw is tested on the samples that it left out. */
async function learningCurve(
  { samples, labels, discriminant, shrinkage }: Material,
  random: Random,
): Promise<StudyView['curve']> {
  const all = samples.map((_, i) => i);
  const curve: StudyView['curve'] = [];
  for (const { share, draws } of CURVE) {
    const accuracies: number[] = [];
    let count = 0;
    for (let draw = 0; draw < draws; draw++) {
      const part = stratified(all, labels, share, random);
      const chosen = new Set(part);
      const test = all.filter((i) => !chosen.has(i));
      if (test.length === 0) continue;
      count = part.length;
      const given = largest(await discriminant.crossScores(part, test, shrinkage));
      accuracies.push(given.filter((c, i) => c === labels[test[i]!]).length / test.length);
    }
    if (accuracies.length === 0 || curve.at(-1)?.labels === count) continue;
    const spread = Math.max(...accuracies) - Math.min(...accuracies);
    curve.push({ labels: count, accuracy: mean(accuracies), spread });
  }
  return curve;
}

/**
 * Samples whose label the others do not bear out: answered by a discriminant that has not seen them, another class is as
 * likely as it usually is for its own samples, and likelier than the label (confident learning; Northcutt, Jiang & Chuang
 * 2021, section 3.1).
 */
async function doubtfulOf(
  { samples, classes, labels, discriminant, shrinkage }: Material,
  temperature: number,
  random: Random,
): Promise<StudyView['doubtful']> {
  if (samples.length < 2 * FOLDS) return [];
  const order = random.shuffle(samples.map((_, i) => i)).sort((a, b) => labels[a]! - labels[b]!);
  const probabilities: Float64Array[] = new Array(samples.length);
  for (let fold = 0; fold < FOLDS; fold++) {
    const tested = order.filter((_, place) => place % FOLDS === fold);
    const others = order.filter((_, place) => place % FOLDS !== fold);
    const scores = await discriminant.crossScores(others, tested, shrinkage);
    tested.forEach((i, row) => {
      const own = scores.data.subarray(row * scores.width, (row + 1) * scores.width);
      probabilities[i] = softened(own, temperature);
    });
  }
  const usual = classes.map((_, c) =>
    mean(labels.flatMap((label, i) => (label === c ? [probabilities[i]![c]!] : []))),
  );
  return samples
    .flatMap(({ sample, label }, i) => {
      const own = probabilities[i]![labels[i]!]!;
      let other = -1;
      probabilities[i]!.forEach((p, c) => {
        if (c === labels[i] || p < usual[c]! || p <= own) return;
        if (other < 0 || p > probabilities[i]![other]!) other = c;
      });
      if (other < 0) return [];
      const probability = probabilities[i]![other]!;
      return [{ sample, label, suggestion: classes[other]!, probability, lead: probability - own }];
    })
    .sort((a, b) => b.lead - a.lead)
    .slice(0, MOST_DOUBTFUL)
    .map(({ lead, ...doubt }) => doubt);
}

/** A part of the samples, of every class alike and at least one of each. */
function stratified(
  indices: readonly number[],
  labels: readonly number[],
  share: number,
  random: Random,
): number[] {
  return [...new Set(indices.map((i) => labels[i]!))].flatMap((label) => {
    const own = random.shuffle(indices.filter((i) => labels[i] === label));
    return own.slice(0, Math.max(1, Math.round(share * own.length)));
  });
}

/** Scores as probabilities. */
function softened(scores: Float32Array, temperature: number): Float64Array {
  const peak = Math.max(...scores);
  const powers = Float64Array.from(scores, (s) => Math.exp((s - peak) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
