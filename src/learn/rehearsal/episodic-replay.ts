import type { Random } from '../../random.js';
import { drawWithoutDoubles, type EpisodicMemory, type Remembered } from '../sequence/episodic-memory.js';
import type { SequenceRehearsal } from '../sequence/rehearsal.js';

/**
 * Experience replay in a sequence (Chaudhry et al. 2019, 'On tiny episodic memories in continual learning',
 * algorithm 1): samples of the memory join every batch of new ones.
 */
export class EpisodicReplay implements SequenceRehearsal {
  readonly name = 'er';
  readonly rows: number;
  private readonly memory: EpisodicMemory;

  /** @param rows remembered samples in a step */
  constructor(memory: EpisodicMemory, rows: number) {
    this.memory = memory;
    this.rows = rows;
  }

  get count(): number {
    return this.memory.entries.length;
  }

  offer(sample: Remembered): void {
    this.memory.offer(sample);
  }

  recall(_task: number, random: Random): Remembered[][] {
    return [drawWithoutDoubles(this.memory.entries, this.rows, random)];
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
