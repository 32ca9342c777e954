import { fromHalf, toHalf } from '../onnx/float16.js';
import { Random } from '../random.js';
import type { Head } from './adapter.js';
import type { Rows } from './network.js';
import { Discriminant } from './streaming/discriminant.js';
import { fitTemperature } from './temperature.js';

/** The shrinkages that are tried; measured to hold the best one on every set looked at. */
const SHRINKAGES = [0.05, 0.1, 0.2, 0.3, 0.5];
/** The largest number in half precision. */
const LARGEST_HALF = 65_504;
/** Parts that cross-validation splits the samples into. */
const FOLDS = 5;

/** Samples as a head sees them. */
export interface Described {
  features: Rows;
  summary: Rows;
  labels: readonly number[];
}

/** A head, and how it was found to be the best. */
export interface ChosenHead {
  head: Head;
  shrinkage: number | null;
  temperature: number;
  /** On the held-out samples, or by cross-validation where there are none. */
  accuracy: number;
  validation: 'held-out' | 'cross-validation';
}

/**
 * Fits the discriminant with each shrinkage and keeps what answers the held-out samples best, unless the
 * softmax head does better there; then fits the temperature. With no held-out sample, the shrinkage is chosen by
 * cross-validation and the softmax head, which saw every sample, is out of the running.
 * @param blocks widths of the summary's blocks
 * @param softmax the head that was trained with the network, where there is one
 */
export async function chooseHead(
  train: Described,
  heldOut: Described,
  classes: readonly string[],
  blocks: readonly number[],
  softmax: { weight: Float32Array; bias: Float32Array } | undefined,
  seed: number,
): Promise<ChosenHead> {
  const count = classes.length;
  const fitter = await Discriminant.prepare(train.summary, train.labels, count, blocks);
  const validate = heldOut.labels.length > 0 ? 'held-out' : 'cross-validation';
  const folds = foldsOf(train.labels, seed);
  let best: (Scored & { head: Head; shrinkage: number | null }) | undefined;
  for (const shrinkage of SHRINKAGES) {
    const head: Head = {
      kind: 'discriminant',
      classes,
      ...(await fitter.fit(shrinkage)),
      features: train.summary.width,
    };
    const scored =
      validate === 'held-out'
        ? scoreRows(logits(head, heldOut.summary), heldOut.labels)
        : await crossValidate(fitter, train.labels, count, shrinkage, folds);
    if (!best || better(scored, best)) best = { ...scored, head, shrinkage };
  }
  if (softmax && validate === 'held-out') {
    const head: Head = { kind: 'softmax', classes, ...softmax, features: train.features.width };
    const scored = scoreRows(logits(head, heldOut.features), heldOut.labels);
    if (scored.accuracy > best!.accuracy) best = { ...scored, head, shrinkage: null };
  }
  const { head, shrinkage, accuracy, temperature } = best!;
  return { head: rounded(head, temperature), shrinkage, temperature, accuracy, validation: validate };
}

/**
 * The best of some heads on held-out samples: the first of equally good ones. The one chosen has its temperature fitted.
 * @param heldOut at least one sample
 */
export function bestHead(heads: readonly Head[], heldOut: Described): { head: Head; accuracy: number } {
  const [best] = heads
    .map((head) => {
      const rows = head.kind === 'discriminant' ? heldOut.summary : heldOut.features;
      return { head, ...scoreRows(logits(head, rows), heldOut.labels) };
    })
    .sort((a, b) => b.accuracy - a.accuracy);
  return { head: rounded(best!.head, best!.temperature), accuracy: best!.accuracy };
}

/** A head as it is stored: weights exact in half precision. */
export const storedHead = (head: Head): Head => rounded(head, 1);

/** Logits of every row, [count, classes]. */
export function logits(head: Head, rows: Rows): Rows {
  const classes = head.classes.length;
  const data = new Float32Array(rows.count * classes);
  for (let i = 0; i < rows.count; i++) {
    for (let c = 0; c < classes; c++) {
      let sum = head.bias[c]!;
      for (let k = 0; k < rows.width; k++)
        sum += head.weight[c * rows.width + k]! * rows.data[i * rows.width + k]!;
      data[i * classes + c] = sum;
    }
  }
  return { data, count: rows.count, width: classes };
}

/** Index of the largest value of each row. */
export function answers(rows: Rows): number[] {
  return Array.from({ length: rows.count }, (_, i) => {
    let best = 0;
    for (let c = 1; c < rows.width; c++)
      if (rows.data[i * rows.width + c]! > rows.data[i * rows.width + best]!) best = c;
    return best;
  });
}

interface Scored {
  accuracy: number;
  /** Mean negative log likelihood at the best temperature. */
  loss: number;
  temperature: number;
}

function better(a: Scored, b: Scored): boolean {
  return a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.loss < b.loss);
}

function scoreRows(scores: Rows, labels: readonly number[]): Scored {
  const right = answers(scores).filter((a, i) => a === labels[i]).length;
  return { accuracy: right / labels.length, ...fitTemperature(scores, labels) };
}

async function crossValidate(
  fitter: Discriminant,
  labels: readonly number[],
  classes: number,
  shrinkage: number,
  folds: readonly number[][],
): Promise<Scored> {
  const data = new Float32Array(labels.length * classes);
  const order: number[] = [];
  for (const tested of folds) {
    if (tested.length === 0) continue;
    const fitted = folds.filter((f) => f !== tested).flat();
    if (fitted.length === 0) continue;
    data.set((await fitter.crossScores(fitted, tested, shrinkage)).data, order.length * classes);
    order.push(...tested);
  }
  return scoreRows(
    { data, count: order.length, width: classes },
    order.map((i) => labels[i]!),
  );
}

/** Samples dealt out to the folds class by class, so that each fold has its share of every class. */
function foldsOf(labels: readonly number[], seed: number): number[][] {
  const order = new Random(seed).shuffle(labels.map((_, i) => i)).sort((a, b) => labels[a]! - labels[b]!);
  const folds: number[][] = Array.from({ length: Math.min(FOLDS, labels.length) }, () => []);
  order.forEach((i, k) => {
    folds[k % folds.length]!.push(i);
  });
  return folds;
}

/**
 * The head with the temperature divided in, as it is stored: weights exact in half precision. Where they would be
 * too large for that, the answers are made less sure, and stay the same.
 */
function rounded(head: Head, temperature: number): Head {
  const peak = head.weight.reduce((m, w) => Math.max(m, Math.abs(w)), 0);
  const by = Math.max(temperature, peak / LARGEST_HALF);
  const weight = fromHalf(toHalf(head.weight.map((w) => w / by)));
  return { ...head, weight, bias: head.bias.map((v) => v / by) };
}
