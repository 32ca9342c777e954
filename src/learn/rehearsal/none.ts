import type { Random } from '../../random.js';
import type { Rehearsal } from '../strategy.js';
import { shuffledBatches } from './er.js';

/** No rehearsal: only fresh samples are shown (everything, where nothing is fresh). */
export class NoRehearsal implements Rehearsal {
  readonly name = 'none';

  epoch(
    fresh: readonly number[],
    memory: readonly number[],
    _labels: ArrayLike<number>,
    batch: number,
    random: Random,
  ): number[][] {
    return shuffledBatches(fresh.length > 0 ? fresh : memory, batch, random);
  }
}
