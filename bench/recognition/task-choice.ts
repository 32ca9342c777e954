import { dot } from '../../src/learn/streaming/linear.js';
import { type Summary, summaryOf } from '../statistics.js';
import type { Known } from './known.js';
import type { PictureSet } from './pictures.js';

/** Share of photographs whose task each rule chose rightly. */
export type TaskChoices = Record<string, number>;

export interface TaskChoiceRow {
  tasks: string;
  /** By the rule's name. */
  rules: Record<string, Summary>;
}

/** Chooses a task for each latent. */
type Rule = (latents: readonly Uint8Array[]) => Promise<string[]>;

/** How rightly the program's rule, and others that could take its place, choose the task of photographs that were never seen. */
export async function taskChoices(device: Known, sets: readonly PictureSet[]): Promise<TaskChoices> {
  const choices: TaskChoices = {};
  for (const [name, rule] of Object.entries(rulesOf(device, sets))) {
    let [right, count] = [0, 0];
    for (const set of sets) {
      const chosen = await rule(device.tests.get(set.name)!.map((i) => set.latents[i]!));
      right += chosen.filter((task) => task === set.name).length;
      count += chosen.length;
    }
    choices[name] = right / count;
  }
  return choices;
}

function rulesOf(device: Known, sets: readonly PictureSet[]): Record<string, Rule> {
  return {
    'one covariance of all tasks (chosen)': (latents) => device.chooser.choose(latents),
    'a covariance for each task': byOwnCovariance(device),
    'cosine to class means': byCosine(device, classMeans),
    'nearest photograph by cosine': byCosine(device, (rows) => rows.map(({ summary }) => summary)),
    'largest probability': byProbability(device, sets),
  };
}

/** The task of the nearest class mean, each seen in its own task's whitened space. */
const byOwnCovariance =
  ({ features, discriminants }: Known): Rule =>
  async (latents) => {
    const summaries = await features.of(latents);
    const spaces = await Promise.all(
      [...discriminants].map(async ([task, d]) => ({ task, space: await d.whitened() })),
    );
    for (const { space } of spaces) await space.whitening.prepare(features.products, summaries);
    return summaries.map((summary) => leastOf(spaces, ({ space }) => space.evidence(summary).distance));
  };

interface Row {
  label: string;
  summary: Float32Array;
}

const classMeans = (rows: readonly Row[]): Float32Array[] =>
  [...new Set(rows.map((r) => r.label))].map((label) => {
    const own = rows.filter((r) => r.label === label);
    return own[0]!.summary.map((_, k) => own.reduce((sum, r) => sum + r.summary[k]!, 0) / own.length);
  });

/** The task of what points most in the sample's direction, in the features as the frozen crown gives them. */
const byCosine =
  ({ features, fitted }: Known, referencesOf: (rows: Row[]) => Float32Array[]): Rule =>
  async (latents) => {
    const references: { task: string; vector: Float32Array }[] = [];
    for (const [task, samples] of fitted) {
      const summaries = await features.of(samples.map((s) => s.latent));
      const rows = samples.map(({ label }, i) => ({ label, summary: summaries[i]! }));
      for (const vector of referencesOf(rows)) references.push({ task, vector: unit(vector) });
    }
    return (await features.of(latents)).map((summary) =>
      leastOf(references, ({ vector }) => -dot(vector, 0, summary, 0, summary.length)),
    );
  };

/** The task whose instant answer is surest. */
const byProbability =
  ({ tasks }: Known, sets: readonly PictureSet[]): Rule =>
  async (latents) => {
    const sure = await Promise.all(
      sets.map(async ({ name }) => {
        const { data, width } = await tasks.get(name)!.network.probabilities(latents);
        const most = latents.map((_, i) => Math.max(...data.subarray(i * width, (i + 1) * width)));
        return { task: name, most };
      }),
    );
    return latents.map((_, i) => leastOf(sure, ({ most }) => -most[i]!));
  };

function leastOf<T extends { task: string }>(all: readonly T[], of: (one: T) => number): string {
  let [task, least] = ['', Number.POSITIVE_INFINITY];
  for (const one of all) {
    const value = of(one);
    if (value < least) [task, least] = [one.task, value];
  }
  return task;
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, 0, vector, 0, vector.length));
  return vector.map((v) => v / length);
}

/** One row of some tasks, over the seeds. */
export const taskChoiceRow = (tasks: string, runs: readonly TaskChoices[]): TaskChoiceRow => ({
  tasks,
  rules: Object.fromEntries(
    Object.keys(runs[0]!).map((rule) => [rule, summaryOf(runs.map((r) => r[rule]!))]),
  ),
});

/** A set as two tasks, each with half of its classes. */
export function halvesOf(set: PictureSet): PictureSet[] {
  const middle = Math.ceil(set.classes.length / 2);
  return [set.classes.slice(0, middle), set.classes.slice(middle)].map((classes, k) => {
    const own = set.labels.flatMap((label, i) => (classes.includes(label) ? [i] : []));
    const of = <T>(all: readonly T[]) => own.map((i) => all[i]!);
    return {
      ...{ name: `${set.name} ${k + 1}`, classes },
      ...{ files: of(set.files), labels: of(set.labels), latents: of(set.latents) },
    };
  });
}
