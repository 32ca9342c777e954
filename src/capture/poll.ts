import { messageOf } from '../errors.js';
import { Backoff } from '../link/backoff.js';
import { Random } from '../random.js';
import type { FrameSink, FrameSource } from './frames.js';

export interface PollOptions {
  /** From the beginning of one picture to that of the next; milliseconds. */
  every: number;
  /**
   * Takes one picture. Undefined where there is none that is new; rejects with the reason where it fails.
   * @param signal aborted when the source is stopped, or the picture took too long
   */
  take: (signal: AbortSignal) => Promise<Buffer | undefined>;
  /** A picture that takes longer is given up; milliseconds. */
  patience: number;
  /** Delay before the first and the later attempts after a failure; milliseconds. */
  backoff: { minMs: number; maxMs: number };
  seed: number;
}

/** Pictures that are asked for one by one. After a failure it asks later and later, until one comes. */
export class Poll implements FrameSource {
  private readonly options: PollOptions;
  private readonly backoff: Backoff;
  private readonly ending = new AbortController();
  private next: NodeJS.Timeout | undefined;
  private asking: Promise<void> | undefined;

  constructor(options: PollOptions) {
    this.options = options;
    this.backoff = new Backoff({ ...options.backoff, random: new Random(options.seed) });
  }

  start(sink: FrameSink): void {
    this.asking = this.ask(sink);
  }

  async stop(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.next);
    await this.asking;
  }

  private async ask(sink: FrameSink): Promise<void> {
    const { every, take, patience } = this.options;
    const begun = performance.now();
    const late = AbortSignal.timeout(patience);
    let wait = every;
    try {
      const bytes = await take(AbortSignal.any([this.ending.signal, late]));
      this.backoff.reset();
      if (bytes) sink.frame(bytes);
    } catch (error) {
      if (this.ending.signal.aborted) return;
      wait = Math.max(every, this.backoff.next());
      sink.failed(late.aborted ? `no picture within ${patience / 1000} s` : messageOf(error));
    }
    if (this.ending.signal.aborted) return;
    const rest = Math.max(0, wait - (performance.now() - begun));
    this.next = setTimeout(() => {
      this.asking = this.ask(sink);
    }, rest);
  }
}
