import type { Random } from '../../../src/random.js';

/** A normally distributed number (Box & Muller, Ann. Math. Stat. 29(2), 1958). */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
