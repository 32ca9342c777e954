import type { GraphBuilder } from '../../onnx/builder.js';
import type { Random } from '../../random.js';
import type { Sample } from './batches.js';
import type { Remembered } from './episodic-memory.js';
import type { SharedState } from './shared-state.js';

/** Corrects a step's direction by the gradient on remembered samples, inside the step's graph. */
export interface Direction {
  /**
   * Adds what says whether a step needs correction.
   * @param found parameter -> gradient of the step's own loss
   * @param reference parameter -> gradient on remembered samples
   * @returns a scalar; where it is not below zero, the gradient to follow is the step's own
   */
  agreement(
    b: GraphBuilder,
    found: ReadonlyMap<string, string>,
    reference: ReadonlyMap<string, string>,
  ): string;
  /**
   * @param agreed what `agreement` gave
   * @returns parameter -> gradient to follow
   */
  correct(
    b: GraphBuilder,
    found: ReadonlyMap<string, string>,
    reference: ReadonlyMap<string, string>,
    agreed: string,
  ): Map<string, string>;
}

/**
 * Third axis, in a sequence: which samples are remembered, and how they enter a step. They join the batch; or, where
 * there is a direction, their gradient corrects the step's; or the gradient on every earlier task is a constraint on the
 * step's.
 */
export interface SequenceRehearsal {
  readonly name: string;
  /** Remembered samples in a step; with constraints, at most so many of each earlier task. */
  readonly rows: number;
  readonly direction?: Direction;
  readonly constraints?: {
    /**
     * What share of each earlier task's gradient a step adds to its own; null where its own stands. Asked only where one
     * of the products is below zero.
     */
    dual(gram: number[][], dots: number[]): number[] | null;
  };
  /** Whether the classes of a new sample's own task are the only ones that it is told apart from. */
  readonly apart?: boolean;
  /** Called with new samples before they are offered. */
  observe?(state: SharedState, fresh: readonly Remembered[], samples: readonly Sample[]): Promise<void>;
  /** A new sample passes by. */
  offer(sample: Remembered): void;
  /** Samples for a step of task `task`: one list, or with constraints one list for each earlier task. */
  recall(task: number, random: Random): Remembered[][];
  /**
   * Takes the samples of earlier tasks that a memory outside holds, where the method has none of its own.
   * @param earlier of each task
   */
  remember?(earlier: readonly (readonly Remembered[])[]): void;
  /** How many samples are remembered. */
  readonly count: number;
  /** What is kept beside the samples. */
  stateBytes?(): number;
  close?(): Promise<void>;
}
