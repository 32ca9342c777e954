import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Steps whose losses are told, and steps before anything counts; as in peer.py. */
export const COMPARED_STEPS = 10;
export const WARM_STEPS = 10;
/** Steps of one turn. */
export const STEPS_A_TURN = 5;

/** What a process says once it is warm. */
export interface Ready {
  ready: true;
  variant: string;
  /** Losses of the first steps: both sides compute the same, if these are equal. */
  losses: number[];
  versions: Record<string, string | number>;
  /** Resident memory before anything was built. */
  importedRssBytes: number;
  secondsToReady: number;
}

/** What it is asked for, again and again. */
export interface Request {
  steps: number;
}

/** What it answers. */
export interface Measured {
  /** Of every step. */
  ms: number[];
  /** Of the process's life. */
  peakRssBytes: number;
  /** Since it was warm. */
  workingPeakRssBytes: number;
}

/** Reads messages, one line of JSON each; null at the end. */
export function messages<T>(from: Readable): () => Promise<T | null> {
  const lines = createInterface({ input: from })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    return done ? null : (JSON.parse(value) as T);
  };
}
