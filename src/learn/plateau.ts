/** A loss is progress when it is smaller by this share. */
const PROGRESS = 0.01;

/** What follows from a look at the held-out samples. */
export interface Verdict {
  /** Whether this was the least loss so far. */
  best: boolean;
  next: 'go on' | 'decay' | 'stop';
}

/**
 * When the rates fall and when training ends, by the loss on held-out samples: after `patience` looks in a row
 * without progress the rates fall; after as many again, training ends.
 */
export class Plateau {
  private readonly patience: number;
  private least = Number.POSITIVE_INFINITY;
  private waited = 0;
  private wasDecayed = false;

  /** @param patience looks, at least 1 */
  constructor(patience: number) {
    this.patience = patience;
  }

  /**
   * Takes in a look.
   * @param decayed whether the rates have fallen, for this or another reason
   */
  look(loss: number, decayed: boolean): Verdict {
    if (decayed && !this.wasDecayed) this.waited = 0;
    this.wasDecayed = decayed;
    this.waited = loss < this.least * (1 - PROGRESS) ? 0 : this.waited + 1;
    const best = loss < this.least;
    if (best) this.least = loss;
    if (this.waited < this.patience) return { best, next: 'go on' };
    return { best, next: decayed ? 'stop' : 'decay' };
  }
}
