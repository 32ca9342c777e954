import type { EpisodicMemory, Remembered } from '../sequence/episodic-memory.js';
import { groupOf } from '../sequence/greedy-balance.js';

/**
 * A memory that classes share equally, each task's classes by themselves: one of n classes so far has an nth of the
 * room. What a class has too much is given up.
 */
export class ClassMemory implements EpisodicMemory {
  private readonly groups = new Map<string, Remembered[]>();
  private readonly capacity: number;
  private readonly least: (group: readonly Remembered[]) => number;

  /**
   * @param capacity samples in all
   * @param least place of the sample of a class that is given up next; its first, the oldest, where it is not given: a
   *   ring for each class (Lopez-Paz & Ranzato 2017; Chaudhry et al. 2019)
   */
  constructor(capacity: number, least: (group: readonly Remembered[]) => number = () => 0) {
    this.capacity = capacity;
    this.least = least;
  }

  get entries(): readonly Remembered[] {
    return [...this.groups.values()].flat();
  }

  offer(sample: Remembered): void {
    const key = groupOf(sample);
    const group = this.groups.get(key);
    if (group) {
      group.push(sample);
      this.shorten(group);
      return;
    }
    this.groups.set(key, [sample]);
    for (const other of this.groups.values()) this.shorten(other);
    // More classes than room: the one that came first goes.
    if (this.groups.size > this.capacity) this.groups.delete(this.groups.keys().next().value!);
  }

  private shorten(group: Remembered[]): void {
    const share = Math.max(1, Math.floor(this.capacity / this.groups.size));
    while (group.length > share) group.splice(this.least(group), 1);
  }
}
