import type { Random } from '../../random.js';
import type { Sample } from '../sequence/batches.js';
import {
  drawWithoutDoubles,
  type EpisodicMemory,
  GivenMemory,
  type Remembered,
} from '../sequence/episodic-memory.js';
import type { SequenceRehearsal } from '../sequence/rehearsal.js';
import type { SharedState } from '../sequence/shared-state.js';
import { MeanOfFeatures } from './mean-of-features.js';

/**
 * Experience replay in a sequence (Chaudhry et al. 2019, 'On tiny episodic memories in continual learning',
 * algorithm 1): samples of the memory join every batch of new ones.
 */
export class EpisodicReplay implements SequenceRehearsal {
  readonly name = 'er';
  readonly rows: number;
  readonly apart: boolean;
  private readonly memory: EpisodicMemory;
  private readonly earlierOnly: boolean;

  /**
   * @param rows remembered samples in a step
   * @param apart whether new samples are told apart from each other only, and remembered ones from all (Caccia et al.
   *   2022, 'New insights on reducing abrupt representation change in online continual learning', equation 3)
   * @param earlierOnly whether steps recall samples of earlier tasks only, and none of the task's own
   */
  constructor(memory: EpisodicMemory, rows: number, { apart = false, earlierOnly = false } = {}) {
    this.memory = memory;
    this.rows = rows;
    this.apart = apart;
    this.earlierOnly = earlierOnly;
  }

  get count(): number {
    return this.memory.entries.length;
  }

  async observe(state: SharedState, fresh: readonly Remembered[], samples: readonly Sample[]): Promise<void> {
    if (this.memory instanceof MeanOfFeatures) await this.memory.observe(state, fresh, samples);
  }

  offer(sample: Remembered): void {
    this.memory.offer(sample);
  }

  remember(earlier: readonly (readonly Remembered[])[]): void {
    if (this.memory instanceof GivenMemory) this.memory.give(earlier);
  }

  recall(task: number, random: Random): Remembered[][] {
    const { entries } = this.memory;
    const recalled = this.earlierOnly ? entries.filter((entry) => entry.task < task) : entries;
    return [drawWithoutDoubles(recalled, this.rows, random)];
  }

  stateBytes(): number {
    return this.memory instanceof MeanOfFeatures ? this.memory.stateBytes : 0;
  }

  async close(): Promise<void> {
    if (this.memory instanceof MeanOfFeatures) await this.memory.close();
  }
}

/** Remembers nothing. */
export class NoReplay implements SequenceRehearsal {
  readonly name = 'none';
  readonly rows = 0;
  readonly count = 0;

  offer(): void {}

  recall(): Remembered[][] {
    return [[]];
  }
}
