import { LichenError } from '../../errors.js';
import { GivenMemory, type Remembered, Rings, type TaskMemory } from '../sequence/episodic-memory.js';
import type { SequenceRehearsal } from '../sequence/rehearsal.js';
import { dualOfProjection } from './gradient-projection.js';

export interface GemOptions {
  /** Samples remembered of each task. */
  each?: number;
  /** Samples remembered in all, shared out evenly among the tasks so far: where the number of tasks is not known. */
  total?: number;
  /** Lower bound of the dual variables; above zero it favours backward transfer (the authors' `memory_strength`). */
  margin: number;
  /** Added to the dual's quadratic form, see `dualOfProjection`; without it `GEM_RIDGE`. */
  ridge?: number;
}

/** What the authors' program adds (`eps`). */
const GEM_RIDGE = 1e-3;

/**
 * Gradient episodic memory (Lopez-Paz & Ranzato 2017): a step may not raise the loss on the memory of any earlier task.
 * Where its gradient would, it is projected to the nearest one that does not (equation 8), by the dual quadratic
 * program in as many variables as there are earlier tasks (equation 11).
 */
export class Gem implements SequenceRehearsal {
  readonly name = 'gem';
  readonly constraints: NonNullable<SequenceRehearsal['constraints']>;
  private readonly memory: TaskMemory;
  private readonly total: number | undefined;

  /**
   * @param given the memory, where it is not the method's own
   * @throws LichenError `method-settings` unless one of `each` and `total` is given
   */
  constructor({ each, total, margin, ridge = GEM_RIDGE }: GemOptions, given?: GivenMemory) {
    if ((each === undefined) === (total === undefined)) {
      throw new LichenError(
        'method-settings',
        'GEM remembers a number of samples of each task, or a number in all; say one of both',
      );
    }
    this.total = total;
    this.memory = given ?? new Rings(each ?? total!, ({ task }) => task);
    this.constraints = { dual: (gram, dots) => dualOfProjection(gram, dots, margin, ridge) };
  }

  /** Remembered samples join no batch. */
  get rows(): number {
    return this.memory.each;
  }

  get count(): number {
    return this.memory.entries.length;
  }

  offer(sample: Remembered): void {
    this.memory.offer(sample);
  }

  remember(earlier: readonly (readonly Remembered[])[]): void {
    if (this.memory instanceof GivenMemory) this.memory.give(earlier);
  }

  recall(task: number): Remembered[][] {
    // A new task takes its part from those before it.
    if (this.total !== undefined) this.memory.shrink(Math.max(1, Math.floor(this.total / (task + 1))));
    return Array.from({ length: task }, (_, k) => [...this.memory.of(k)]);
  }
}
