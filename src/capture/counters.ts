/** What a source has seen and done since the program started; published with the device's metrics. */
export interface SourceStatus {
  /** The source's name. */
  source: string;
  kind: string;
  /** Pictures that came whole, whether or not anything was done with them. */
  frames: number;
  /** Of those, the ones that a trigger chose. */
  triggered: number;
  /** Handed on and answered, kept or set aside. */
  delivered: number;
  /** Chosen, and dropped because they show what the one delivered before shows. */
  duplicates: number;
  /** Chosen, and dropped because they are blurred. */
  blurred: number;
  /** Dropped because the device was still busy with others. */
  dropped: number;
  /** Could not be read: cut short, too large, or no picture at all. */
  bad: number;
  /** Times that a program or a connection ended, stalled or could not be begun, and was begun again. */
  restarts: number;
  /** The newest failure, also when it is over; null where there was none. */
  lastError: string | null;
  /** When that was; null where there was none. ISO 8601. */
  lastErrorAt: string | null;
  /** When the newest frame came; null before the first. ISO 8601. */
  lastFrameAt: string | null;
}

type Count = { [K in keyof SourceStatus]: SourceStatus[K] extends number ? K : never }[keyof SourceStatus];

/** Counts for a source. */
export class Counters {
  private readonly status: SourceStatus;
  private lastFrame: number | undefined;

  constructor(source: string, kind: string) {
    this.status = {
      source,
      kind,
      frames: 0,
      triggered: 0,
      delivered: 0,
      duplicates: 0,
      blurred: 0,
      dropped: 0,
      bad: 0,
      restarts: 0,
      lastError: null,
      lastErrorAt: null,
      lastFrameAt: null,
    };
  }

  get name(): string {
    return this.status.source;
  }

  add(what: Count): void {
    this.status[what] += 1;
    if (what === 'frames') this.lastFrame = Date.now();
  }

  /** Remembers why something failed. */
  failed(reason: string): void {
    this.status.lastError = reason.slice(0, 1000);
    this.status.lastErrorAt = new Date().toISOString();
  }

  get(): SourceStatus {
    const at = this.lastFrame;
    return { ...this.status, lastFrameAt: at === undefined ? null : new Date(at).toISOString() };
  }
}
