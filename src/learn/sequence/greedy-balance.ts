import type { Random } from '../../random.js';
import type { EpisodicMemory, Remembered } from './episodic-memory.js';

/**
 * The greedy balanced sampler (Prabhu, Torr & Dokania 2020, algorithm 1): a sample is taken while there is room, or
 * while its group has fewer than the largest has; then a random one of the largest group makes room. The groups are
 * classes, each task's its own.
 */
export class GreedyBalance implements EpisodicMemory {
  private readonly groups = new Map<string, Remembered[]>();
  private readonly capacity: number;
  private readonly random: Random;

  constructor(capacity: number, random: Random) {
    this.capacity = capacity;
    this.random = random;
  }

  get entries(): readonly Remembered[] {
    return [...this.groups.values()].flat();
  }

  offer(sample: Remembered): void {
    const key = groupOf(sample);
    const group = this.groups.get(key) ?? [];
    const all = [...this.groups.values()];
    if (all.reduce((sum, g) => sum + g.length, 0) >= this.capacity) {
      const largest = all.reduce((a, b) => (b.length > a.length ? b : a), []);
      if (group.length >= largest.length) return;
      largest.splice(this.random.int(largest.length), 1);
    }
    group.push(sample);
    this.groups.set(key, group);
  }
}

/** A class of a task. */
export const groupOf = ({ task, label }: Remembered): string => `${task} ${label}`;
