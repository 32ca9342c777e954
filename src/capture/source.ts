import type { SourceStatus } from './counters.js';

/** A picture that a source delivers; with a task and a label it is a labelled sample. */
export interface Picture {
  /** Where it came from, for people and for the record of what was seen: a file, or the name of a camera. */
  path: string;
  bytes: Buffer;
  task?: string;
  label?: string;
  /** How often such labels are right, where they may be wrong. */
  trust?: number;
  /** Why it cannot be used, where its source has found that out: it is set aside. */
  fault?: string;
  /** Name of the source that it came by; the device's sources set it. */
  source?: string;
}

/** What became of a picture that was taken. */
export interface Kept {
  /** Its sample id. */
  sample: string;
  /** Of an unlabelled picture, where one could be given: plain data. */
  answer?: object;
}

/**
 * Takes a picture. Resolves when it is kept, answered or set aside (then with undefined); rejects where the device
 * itself failed, and the picture is to be delivered again later, if its source still has it.
 */
export type Sink = (picture: Picture) => Promise<Kept | undefined>;

/** Something that delivers pictures until it is stopped. */
export interface Source {
  start(sink: Sink): Promise<void>;
  /** Resolves when nothing more will be delivered and what was being delivered is done. */
  stop(): Promise<void>;
  /** What it has seen and done since it was started. */
  status(): SourceStatus;
}

/** Which files were delivered and kept before; it outlives the program. */
export interface Seen {
  has(path: string, size: number, mtime: number): boolean;
  add(path: string, size: number, mtime: number, sample?: string): void;
}
