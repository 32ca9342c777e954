import type { Trigger } from './trigger.js';

/** A picture every so often, the first at once. */
export class IntervalTrigger implements Trigger {
  private readonly everyMs: number;
  private last = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number) {
    this.everyMs = everyMs;
  }

  due(now: number): boolean {
    // A clock that was set back does not keep it waiting.
    return now - this.last >= this.everyMs || now < this.last;
  }

  done(now: number): void {
    this.last = now;
  }
}
