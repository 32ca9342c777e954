import type { Random } from '../random.js';

/** Delays between attempts: doubling up to a ceiling, with jitter so that a fleet does not return all at once. */
export class Backoff {
  private readonly minMs: number;
  private readonly maxMs: number;
  private readonly random: Random;
  private attempts = 0;

  constructor(options: { minMs: number; maxMs: number; random: Random }) {
    this.minMs = options.minMs;
    this.maxMs = options.maxMs;
    this.random = options.random;
  }

  /** The next delay in milliseconds: between half of and the whole of the doubled one. */
  next(): number {
    const whole = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.attempts, 30));
    this.attempts += 1;
    return whole * (0.5 + 0.5 * this.random.next());
  }

  /** Starts again from the shortest delay. */
  reset(): void {
    this.attempts = 0;
  }
}
