import type { Random } from '../random.js';

/** Share of the samples besides the hardest that an epoch shows, drawn anew each time: a look at what was learned. */
const OTHERS = 0.05;

/**
 * Selective backpropagation (Jiang et al. 2019, 'Accelerating deep learning by focusing on the biggest losers'): once
 * every sample was seen, an epoch shows those with the largest loss, and a few of the others. Here by rank, and by the
 * loss that a sample had when it was shown last, which its forward pass gives for nothing.
 */
export class Focus {
  private readonly share: number;
  private readonly batch: number;
  private readonly last: Float32Array;

  /**
   * @param count samples of the set
   * @param share of the samples that are the hardest, 0 to 1; 1 shows all of them
   * @param batch the number of chosen samples is rounded up to whole batches
   */
  constructor(count: number, share: number, batch: number) {
    this.share = share;
    this.batch = batch;
    // What was never shown counts as the hardest.
    this.last = new Float32Array(count).fill(Number.POSITIVE_INFINITY);
  }

  /** Remembers the losses of samples that were shown. */
  saw(indices: readonly number[], losses: ArrayLike<number>): void {
    indices.forEach((sample, row) => {
      this.last[sample] = losses[row]!;
    });
  }

  /** How many of `count` samples an epoch shows. */
  size(count: number): number {
    if (this.share >= 1) return count;
    const wanted = Math.ceil(((this.share + OTHERS) * count) / this.batch) * this.batch;
    return Math.min(count, wanted);
  }

  /** The hardest of these samples, and some of the others in place of the least hard of them. */
  choose(indices: readonly number[], random: Random): number[] {
    const size = this.size(indices.length);
    if (size === indices.length) return [...indices];
    const hardestFirst = [...indices].sort((a, b) => descending(this.last[a]!, this.last[b]!) || a - b);
    const others = Math.min(size, Math.floor(OTHERS * indices.length));
    const rest = random.shuffle(hardestFirst.slice(size - others));
    return [...hardestFirst.slice(0, size - others), ...rest.slice(0, others)];
  }
}

/** Orders large before small; a difference would be no number for two infinite losses. */
const descending = (a: number, b: number): number => (a === b ? 0 : a > b ? -1 : 1);
