import type { Engine } from '../../src/engine/engine.js';
import { answers, logits } from '../../src/learn/head.js';
import type { Rows } from '../../src/learn/network.js';
import { calibrate } from '../../src/learn/streaming/calibrate.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import type { FrozenFeatures } from '../../src/recognize/frozen-features.js';
import { atMost, splitOf } from '../data.js';
import { type Summary, summaryOf } from '../statistics.js';
import type { PictureSet } from './pictures.js';

/** Labelled photographs of a class, one in five of them held out. */
const LABELLED = [4, 8, 16, 40];
const HELD_OUT_EVERY = 5;
/** Photographs of a class that are tested, at most. */
const TESTED = 40;
const BINS = 10;

/** How a temperature is come by: one number for all, presumed by how many samples and features there are, fitted to held-out samples. */
type Temperature = '3' | 'presumed' | 'fitted';

interface Sureness {
  /** Expected calibration error, over ten bins of equal width (Guo et al. 2017, section 2). */
  error: number;
  /** Mean negative log likelihood, in nats. */
  loss: number;
}

/** One task with so many labels. */
export interface SurenessRun {
  task: string;
  labelled: number;
  accuracy: number;
  by: Record<Temperature, Sureness>;
}

export interface SurenessRow {
  task: string;
  labelled: number;
  accuracy: Summary;
  by: Record<Temperature, Record<keyof Sureness, Summary>>;
}

/** Whether an instant answer is as sure as it is right, by how many photographs of a class were labelled. */
export async function surenessOf(
  engine: Engine,
  features: FrozenFeatures,
  set: PictureSet,
  seed: number,
): Promise<SurenessRun[]> {
  const classOf = set.labels.map((label) => set.classes.indexOf(label));
  const runs: SurenessRun[] = [];
  for (const labelled of LABELLED) {
    const { train, test } = splitOf(classOf, labelled, 500 + seed);
    const [heldOut, learned] = [true, false].map((held) =>
      train.filter((_, k) => (k % HELD_OUT_EVERY === 0) === held),
    ) as [number[], number[]];
    const summaries = (indices: readonly number[]) => features.of(indices.map((i) => set.latents[i]!));
    const labels = (indices: readonly number[]) => indices.map((i) => set.labels[i]!);
    const discriminant = new StreamingDiscriminant(features.blocks);
    await discriminant.addAll(engine, rowsOf(await summaries(learned)), labels(learned));
    const tested = atMost(test, classOf, TESTED).filter((i) => discriminant.classes.includes(set.labels[i]!));
    const rows = rowsOf(await summaries(tested));
    const truth = tested.map((i) => discriminant.classes.indexOf(set.labels[i]!));
    const judged = async () => {
      const scores = logits(await discriminant.head(), rows);
      const right = answers(scores).map((c, i) => c === truth[i]);
      return { accuracy: right.filter(Boolean).length / right.length, ...sureness(scores, truth, right) };
    };
    const presumed = await judged();
    discriminant.calibrateTo(3);
    const fixed = await judged();
    discriminant.temperatureScale = 1;
    await calibrate(discriminant, await summaries(heldOut), labels(heldOut));
    const fitted = await judged();
    const by = { '3': pick(fixed), presumed: pick(presumed), fitted: pick(fitted) };
    runs.push({ task: set.name, labelled, accuracy: presumed.accuracy, by });
  }
  return runs;
}

/** The runs of some seeds, each in the same order, as rows. */
export function surenessRows(runs: readonly (readonly SurenessRun[])[]): SurenessRow[] {
  return runs[0]!.map(({ task, labelled }, k) => {
    const of = (value: (r: SurenessRun) => number) => summaryOf(runs.map((run) => value(run[k]!)));
    const by = (t: Temperature) => ({ error: of((r) => r.by[t].error), loss: of((r) => r.by[t].loss) });
    return {
      ...{ task, labelled, accuracy: of((r) => r.accuracy) },
      by: { '3': by('3'), presumed: by('presumed'), fitted: by('fitted') },
    };
  });
}

const pick = ({ error, loss }: Sureness): Sureness => ({ error, loss });

function sureness(scores: Rows, truth: readonly number[], right: readonly boolean[]): Sureness {
  const bins = Array.from({ length: BINS }, () => ({ sure: 0, right: 0 }));
  let loss = 0;
  for (const [i, c] of truth.entries()) {
    const row = scores.data.subarray(i * scores.width, (i + 1) * scores.width);
    const peak = Math.max(...row);
    const sum = row.reduce((a, v) => a + Math.exp(v - peak), 0);
    loss += Math.log(sum) - row[c]! + peak;
    const bin = bins[Math.min(BINS - 1, Math.floor(BINS / sum))]!;
    bin.sure += 1 / sum;
    bin.right += right[i] ? 1 : 0;
  }
  const error = bins.reduce((a, b) => a + Math.abs(b.sure - b.right), 0) / truth.length;
  return { error, loss: loss / truth.length };
}

function rowsOf(summaries: readonly Float32Array[]): Rows {
  const width = summaries[0]?.length ?? 0;
  const data = new Float32Array(summaries.length * width);
  summaries.forEach((s, i) => {
    data.set(s, i * width);
  });
  return { data, count: summaries.length, width };
}
