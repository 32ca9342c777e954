import { Random } from '../../random.js';

/** Where a remembered sample lies: in which task's training set, and where there. */
export interface Remembered {
  task: number;
  index: number;
  label: number;
}

/** Which of the samples that pass by are remembered. Memories hold references; the learner reads the samples. */
export interface EpisodicMemory {
  /** What is remembered now. */
  readonly entries: readonly Remembered[];
  offer(sample: Remembered): void;
}

/**
 * Reservoir sampling (Vitter 1985, algorithm R): every sample seen so far is remembered with the same chance. The
 * (n + 1)th sample draws its place from n + 1, not from n, else the first would stay too often.
 */
export class Reservoir implements EpisodicMemory {
  readonly entries: Remembered[] = [];
  private seen = 0;
  private readonly capacity: number;
  private readonly random: Random;

  constructor(capacity: number, random: Random) {
    this.capacity = capacity;
    this.random = random;
  }

  offer(sample: Remembered): void {
    this.seen++;
    if (this.entries.length < this.capacity) {
      this.entries.push(sample);
      return;
    }
    const place = this.random.int(this.seen);
    if (place < this.capacity) this.entries[place] = sample;
  }
}

/** The last samples of each group, equally many each: a ring per class or per task (Lopez-Paz & Ranzato 2017). */
export class Rings implements TaskMemory {
  private readonly rings = new Map<number, Remembered[]>();
  private readonly groupOf: (sample: Remembered) => number;
  private size: number;

  constructor(each: number, groupOf: (sample: Remembered) => number) {
    this.size = each;
    this.groupOf = groupOf;
  }

  /** Samples of each group, at most. */
  get each(): number {
    return this.size;
  }

  get entries(): readonly Remembered[] {
    return [...this.rings.values()].flat();
  }

  /** The samples of a group, oldest first. */
  of(group: number): Remembered[] {
    return this.rings.get(group) ?? [];
  }

  offer(sample: Remembered): void {
    const group = this.groupOf(sample);
    const ring = this.of(group);
    this.rings.set(group, ring);
    ring.push(sample);
    if (ring.length > this.size) ring.shift();
  }

  /** Forgets the oldest of each group beyond a new size. */
  shrink(each: number): void {
    this.size = each;
    for (const [group, ring] of this.rings) this.rings.set(group, ring.slice(-each));
  }
}

/** Which samples of each task are remembered. */
export interface TaskMemory extends EpisodicMemory {
  /** Samples of each task, at most. */
  readonly each: number;
  of(task: number): readonly Remembered[];
  /** Forgets what each task has beyond a new size. */
  shrink(each: number): void;
}

/** What a memory outside holds of earlier tasks; samples that pass by are that memory's business. */
export class GivenMemory implements TaskMemory {
  private tasks: readonly (readonly Remembered[])[] = [];
  private size: number;
  private readonly seed: number;

  /** @param each most samples of a task, drawn at random, that `of` gives */
  constructor(each: number, seed: number) {
    this.size = each;
    this.seed = seed;
  }

  get each(): number {
    return this.size;
  }

  get entries(): readonly Remembered[] {
    return this.tasks.flat();
  }

  of(task: number): readonly Remembered[] {
    return drawWithoutDoubles(this.tasks[task] ?? [], this.size, new Random(this.seed));
  }

  offer(): void {}

  shrink(each: number): void {
    this.size = Math.min(this.size, each);
  }

  give(tasks: readonly (readonly Remembered[])[]): void {
    this.tasks = tasks;
  }
}

/** Some of the entries, none twice; all where they are few. */
export function drawWithoutDoubles<T>(entries: readonly T[], count: number, random: Random): T[] {
  if (entries.length <= count) return [...entries];
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(random.int(entries.length));
  return [...chosen].map((i) => entries[i]!);
}
