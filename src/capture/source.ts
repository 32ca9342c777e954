/** A picture that a source delivers; with a task and a label it is a labelled sample. */
export interface Picture {
  /** Where it came from, for people and for the record of what was seen. */
  path: string;
  bytes: Buffer;
  task?: string;
  label?: string;
}

/**
 * Takes a picture. Resolves when it is kept, answered or set aside, with its sample id (undefined when set
 * aside); rejects where the device itself failed, and the picture is to be delivered again later.
 */
export type Sink = (picture: Picture) => Promise<string | undefined>;

/** Something that delivers pictures until it is stopped. */
export interface Source {
  start(sink: Sink): Promise<void>;
  /** Resolves when nothing more will be delivered and what was being delivered is done. */
  stop(): Promise<void>;
}

/** Which files were delivered and kept before; it outlives the program. */
export interface Seen {
  has(path: string, size: number, mtime: number): boolean;
  add(path: string, size: number, mtime: number, sample?: string): void;
}
