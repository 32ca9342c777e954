import { cpuUsage } from 'node:process';
import { auroc } from '../../src/learn/auroc.js';
import { type ContinualMetrics, continualMetrics } from '../../src/learn/metrics.js';
import {
  accuracyOf,
  type ContinualLearner,
  type Holdings,
  type SequenceProgress,
  type TaskReport,
} from '../../src/learn/sequence/continual-learner.js';
import { openMethod } from '../../src/learn/sequence/methods.js';
import type { Scenario, SequenceTask } from '../../src/learn/sequence/task.js';
import type { Sources } from './backbone-tasks.js';
import { type Benchmark, protocolOf } from './protocol.js';

/** What one method came to on one benchmark with one seed. */
export interface ContinualResult extends Omit<ContinualMetrics, 'intransigence'> {
  method: string;
  benchmark: string;
  /** Of the benchmark; see `Benchmark.variants`. */
  variant?: string;
  scenario: Scenario;
  seed: number;
  /** Row i: accuracy on every task's test samples after task i; null where it was not measured. */
  matrix: (number | null)[][];
  bytes: Holdings;
  /** Mean over all tasks, after the last, of the area under the ROC curve; where the benchmark asks for it. */
  auroc?: number;
  /** For every task what the method tells of how it learned it. */
  reports?: readonly (TaskReport | null)[];
  /** Figures of the method as a whole, after the last task. */
  report?: Record<string, number>;
  /** Seconds of learning, without tests: by the clock, and of processor time. */
  seconds: number;
  cpuSeconds: number;
}

/** Called as a method goes on. */
export type OnProgress = (progress: SequenceProgress & { tasks: number }) => void;

/**
 * Runs one method on one benchmark. After every task it is tested on the tasks so far and the next one.
 * @param threads of the engine; its own choice where it is not given
 * @throws LichenError what the method refuses or runs into
 */
export async function runContinual(
  sources: Sources,
  method: string,
  name: string,
  benchmark: Benchmark,
  seed: number,
  onProgress: OnProgress = () => {},
  threads = 1,
  variant?: string,
): Promise<ContinualResult> {
  const { scenario, classes } = benchmark;
  const { training, settings } = protocolOf(benchmark, method, variant);
  const tasks = await benchmark.tasks(seed, sources);
  const crown = await benchmark.crown(seed, sources);
  const taskKnown = scenario === 'task';
  const options = { ...benchmark.training, ...training, classes, taskKnown, seed, threads };
  const learner = await openMethod(method, { engine: sources.engine, crown, options, settings });
  try {
    const untrained =
      taskKnown || method === 'joint' ? undefined : await test(learner, tasks, taskKnown, 0, tasks.length);
    const matrix: number[][] = [];
    let [seconds, cpuSeconds] = [0, 0];
    for (const [i, task] of tasks.entries()) {
      // The joint network is trained anew for every test, and says all at the end.
      const skipped = method === 'joint' && i < tasks.length - 1;
      const [start, cpu] = [performance.now(), cpuUsage()];
      await learner.learn(task, (p) => onProgress({ ...p, tasks: tasks.length }));
      if (!skipped) await learner.ready?.();
      seconds += (performance.now() - start) / 1000;
      const used = cpuUsage(cpu);
      cpuSeconds += (used.user + used.system) / 1e6;
      const until = skipped ? 0 : Math.min(tasks.length, taskKnown ? i + 1 : i + 2);
      matrix.push(await test(learner, tasks, taskKnown, 0, until));
    }
    const { intransigence: _, ...metrics } =
      method === 'joint' ? onlyLast(matrix) : continualMetrics(matrix, untrained ? { untrained } : {});
    const reports = learner.reports?.();
    const report = learner.methodReport?.() ?? {};
    return {
      ...{ method, benchmark: name, ...(variant && { variant }), scenario, seed, ...metrics },
      matrix: matrix.map((row) => row.map((a) => (Number.isNaN(a) ? null : a))),
      bytes: learner.holdings(),
      ...(benchmark.auroc && { auroc: await meanAuroc(learner, tasks, taskKnown) }),
      ...(reports?.some((r) => r !== null) && { reports }),
      ...(Object.keys(report).length > 0 && { report }),
      ...{ seconds, cpuSeconds },
    };
  } finally {
    await learner.close();
  }
}

async function test(
  learner: ContinualLearner,
  tasks: readonly SequenceTask[],
  taskKnown: boolean,
  from: number,
  until: number,
): Promise<number[]> {
  const row: number[] = [];
  for (const [j, { test: samples }] of tasks.entries()) {
    const measured = j >= from && j < until;
    const rows = measured && (await learner.probabilities(samples, taskKnown ? j : undefined));
    row.push(rows ? accuracyOf(rows, samples.labels) : Number.NaN);
  }
  return row;
}

async function meanAuroc(
  learner: ContinualLearner,
  tasks: readonly SequenceTask[],
  taskKnown: boolean,
): Promise<number> {
  let sum = 0;
  for (const [j, { test: samples, classes }] of tasks.entries()) {
    sum += auroc(await learner.probabilities(samples, taskKnown ? j : undefined), samples.labels, classes);
  }
  return sum / tasks.length;
}

/** Of a network that learns all tasks at once there is nothing to say but how good it is in the end. */
function onlyLast(matrix: readonly number[][]): ContinualMetrics {
  const last = matrix.at(-1)!;
  const acc = last.reduce((sum, a) => sum + a, 0) / last.length;
  return { acc, bwt: 0, fwt: null, learningAccuracy: acc, forgetting: 0, intransigence: null };
}
