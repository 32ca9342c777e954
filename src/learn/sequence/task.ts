import type { Samples } from '../samples.js';

/** One task of a sequence. */
export interface SequenceTask {
  name: string;
  train: Samples;
  /** Never trained on. */
  test: Samples;
  /** Labels that occur, ascending. */
  classes: readonly number[];
}

/**
 * What is known when a sample is to be recognized (van de Ven & Tolias 2019). `task`: which task it is of, so that
 * only the task's classes come into question. `domain`: not the task, but the classes are the same in all tasks.
 * `class`: not the task, and every task has classes of its own. `free`: as `domain`, and tasks pass into one another.
 */
export const SCENARIOS = ['task', 'domain', 'class', 'free'] as const;
export type Scenario = (typeof SCENARIOS)[number];
