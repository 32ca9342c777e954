import type { AnswerView, AskReason } from './api.js';
import { distance } from './look.js';

/** A picture that the owner may be asked about. */
export interface Candidate {
  sample: string;
  source: string;
  /** The task whose answer was asked for, where one was named. */
  task: string | undefined;
  at: number;
  reason: AskReason;
  /** How much a label would tell, by itself. */
  worth: number;
  answer: AnswerView | null;
  weak: { label: string; source: string } | null;
  latent: Uint8Array;
  look: Float32Array;
  /** A JPEG to be shown. */
  picture: Buffer;
}

/** What is thought of a candidate, which changes with the labels that come. */
export type Judged = Pick<Candidate, 'reason' | 'worth' | 'answer' | 'weak'>;

/** Pictures that look less apart are the same thing: a bit less than what separates a picture from its nearest of hundreds. */
export const ALIKE = 0.25;
/** What counts as wholly unlike: about the distance of pictures of different classes. */
const UNLIKE = 0.6;

/**
 * The pictures that may be asked about, in memory only: what is never asked about never reaches the disk. When there are
 * too many, the one goes that tells least.
 */
export class Candidates {
  private readonly most: number;
  private readonly held = new Map<string, Candidate>();

  /** @param most pictures that are held at one time */
  constructor(most: number) {
    this.most = most;
  }

  get size(): number {
    return this.held.size;
  }

  list(): Candidate[] {
    return [...this.held.values()];
  }

  /** Notes what is thought of a picture now. Returns whether it is still held. */
  judge(sample: string, now: Judged): boolean {
    const candidate = this.held.get(sample);
    if (candidate) Object.assign(candidate, now);
    return candidate !== undefined;
  }

  /**
   * Whether a picture would be taken: it tells more than the one that would have to go, and than those that look like it.
   */
  wants(worth: number, look: Float32Array): boolean {
    if (this.alike(look).some((c) => c.worth >= worth)) return false;
    return this.held.size < this.most || worth > this.least()!.worth;
  }

  /** Takes a picture in the place of those that look like it. */
  add(candidate: Candidate): void {
    for (const same of this.alike(candidate.look)) this.held.delete(same.sample);
    if (this.held.size >= this.most) this.held.delete(this.least()!.sample);
    this.held.set(candidate.sample, candidate);
  }

  remove(sample: string): boolean {
    return this.held.delete(sample);
  }

  /** Lets go of pictures that look like one that was asked about. */
  removeAlike(look: Float32Array): void {
    for (const { sample } of this.alike(look)) this.held.delete(sample);
  }

  /** Lets go of what came before a time. */
  removeOld(before: number): void {
    for (const { sample, at } of this.held.values()) if (at < before) this.held.delete(sample);
  }

  /**
   * The pictures to be asked about next, one after the other: the one that has most of what it tells by itself, times how far
   * it is from everything that is known or was chosen (greedy k-center; Sener & Savarese 2018, algorithm 1). What it tells
   * counts as its rank among those that are held, squared: an early discriminant is nearly sure of everything, and its margins
   * say which is less sure, not how much. They stay until they are removed.
   * @param known how what is known looks
   */
  next(count: number, known: readonly Float32Array[]): Candidate[] {
    const left = new Map(
      this.list().map((c) => [
        c,
        known.reduce((least, look) => Math.min(least, distance(c.look, look)), UNLIKE),
      ]),
    );
    const chosen: Candidate[] = [];
    while (chosen.length < count) {
      const best = bestOf(left);
      if (!best) break;
      chosen.push(best);
      left.delete(best);
      for (const [candidate, nearest] of left) {
        const apart = distance(candidate.look, best.look);
        if (apart < ALIKE) left.delete(candidate);
        else left.set(candidate, Math.min(nearest, apart));
      }
    }
    return chosen;
  }

  private alike(look: Float32Array): Candidate[] {
    return [...this.held.values()].filter((c) => distance(c.look, look) < ALIKE);
  }

  private least(): Candidate | undefined {
    let least: Candidate | undefined;
    for (const c of this.held.values()) if (!least || c.worth < least.worth) least = c;
    return least;
  }
}

/** @param candidates with the distance of each to the nearest that is known */
function bestOf(candidates: ReadonlyMap<Candidate, number>): Candidate | undefined {
  const worths = [...candidates.keys()].map((c) => c.worth);
  let best: Candidate | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const [candidate, nearest] of candidates) {
    const value = rankOf(candidate.worth, worths) ** 2 * (nearest / UNLIKE);
    if (value > most) [best, most] = [candidate, value];
  }
  return best;
}

/** The share of values that are lower; of those that are equal, half. */
function rankOf(value: number, values: readonly number[]): number {
  let below = 0;
  for (const other of values) below += other < value ? 1 : other === value ? 0.5 : 0;
  return below / values.length;
}
