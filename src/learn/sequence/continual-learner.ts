import type { AdapterTensors } from '../adapter.js';
import type { Rows } from '../network.js';
import type { Samples } from '../samples.js';
import type { Initializer } from './initializer.js';
import type { LearningRateSchedule } from './schedule.js';
import type { SequenceTask } from './task.js';
import type { TaskHead } from './task-trainer.js';

/** How a sequence is trained, whatever the method. */
export interface SequenceOptions {
  /** Classes of all tasks together. */
  classes: number;
  /** Whether the task of a sample is known when it is recognized; then only the task's classes come into question. */
  taskKnown: boolean;
  epochs: number;
  /** New samples in a step. */
  batch: number;
  optimizer: 'sgd' | 'adam';
  rate: number;
  seed: number;
  threads?: number;
  /** Steps of one run; a run keeps its thread. 16 without it. */
  stepsAtOnce?: number;
  /** Whether the optimizer begins anew with every task. */
  freshOptimizer?: boolean;
  /** What the learning rate is multiplied by as a task goes on, in a network that tasks share; 1 without it. */
  schedule?: LearningRateSchedule;
  /** What the head of a network that tasks share begins with; `fanInUniform` without it. */
  headInitializer?: Initializer;
  /**
   * How exact what is kept between tasks is; single precision without it. What a task ends with is rounded to it, so
   * that a learner that is kept and one that goes on have the same bits.
   */
  precision?: 'half' | 'single';
}

export interface SequenceProgress {
  /** Number of the task, from 0. */
  task: number;
  epoch: number;
  epochs: number;
  /** Steps taken in this task, and all that it will take in this phase. */
  step: number;
  steps: number;
  loss: number;
}

/** What a method holds on to, in bytes. */
export interface Holdings {
  /** All that is needed to recognize samples of all tasks. */
  parameters: number;
  /** What the method keeps beside that in order to go on learning: Fisher, posterior, importance. */
  state: number;
  /** Remembered samples. */
  memory: number;
}

/** Figures that a method tells of how it learned a task; plain values, as they go into a file of results. */
export type TaskReport = Readonly<Record<string, unknown>>;

/** What a learner needs in order to go on in another process: see `KeptLearner`. */
export interface LearnerState {
  /** The tasks so far, oldest first, with their classes. */
  tasks: readonly { name: string; classes: readonly number[] }[];
  /** Integers by name: where generators of random numbers are. */
  numbers: Readonly<Record<string, readonly number[]>>;
  tensors: AdapterTensors;
}

/** One task's network, with everything constant, and its head. */
export interface TaskNetworkParts {
  classes: readonly number[];
  tensors: AdapterTensors;
  head: TaskHead;
}

/** Learns tasks one after the other. It holds native memory: close it. */
export interface ContinualLearner {
  /**
   * Learns the next task.
   * @throws LichenError `learn-no-samples`, `learn-diverged`
   */
  learn(task: SequenceTask, report?: (progress: SequenceProgress) => void): Promise<void>;
  /**
   * Class probabilities [count, classes] of samples; 0 for classes that do not come into question.
   * @param task number of the samples' task, from 0, where it is known
   * @throws LichenError `method-needs-task` where the method cannot do without the task and it is not given
   */
  probabilities(samples: Samples, task?: number): Promise<Rows>;
  /** Does now what would be done when samples are first asked for: the training of a method that waits for that. */
  ready?(): Promise<void>;
  holdings(): Holdings;
  /** For every task what the method tells of how it learned it. */
  reports?(): readonly (TaskReport | null)[];
  /** Figures of the method's own, such as shares of what is frozen. */
  methodReport?(): Record<string, number>;
  close(): Promise<void>;
}

/** A learner that can be kept between tasks, and whose tasks' networks can be kept. */
export interface KeptLearner extends ContinualLearner {
  /**
   * Everything that the next task's training starts from, but remembered samples. Arrays are live: encode them before
   * the learner goes on.
   */
  state(): LearnerState;
  /**
   * Takes a state back, right after the learner was opened. A learner with more classes than the state has keeps its
   * own start for those. It then goes on with the same bits as the learner that gave the state.
   * @throws LichenError `learner-state-foreign` where it is one of another network
   */
  restore(state: LearnerState): void;
  /**
   * Says which samples of earlier tasks can be rehearsed, for methods whose memory is not their own.
   * @param samples of each earlier task, in their order
   */
  remember(samples: readonly Samples[]): void;
  /** Every task's network as it is now, oldest first. Networks that share weights share their tensors. */
  networks(): readonly TaskNetworkParts[];
}

/** Share of samples whose most probable class is theirs. */
export function accuracyOf({ data, count, width }: Rows, labels: ArrayLike<number>): number {
  let right = 0;
  for (let i = 0; i < count; i++) {
    let best = 0;
    for (let c = 1; c < width; c++) if (data[i * width + c]! > data[i * width + best]!) best = c;
    if (best === labels[i]) right++;
  }
  return count === 0 ? 0 : right / count;
}
