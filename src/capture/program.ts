import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { messageOf } from '../errors.js';
import { Backoff } from '../link/backoff.js';
import { Random } from '../random.js';

/** How long a program has to end by itself after SIGTERM. */
const GRACE_MS = 2000;
/** What a program writes is counted over this time. */
const COUNT_MS = 100;
/** What is kept of what a program says on standard error. */
const SAID_BYTES = 4096;

export interface ProgramOptions {
  program: string;
  args: readonly string[];
  /** Given what the program writes to its standard output. */
  onData: (chunk: Buffer) => void;
  /** A run ended, or could not begin; another follows after a while. */
  onFailed: (reason: string) => void;
  /** The run ended with exit code 0 and is not to be begun again. */
  onDone: (reason: string) => void;
  /** Whether a run that ended with exit code 0 is begun again. */
  again: boolean;
  /** Bytes a second that are read, at most: a program that floods has to wait, and not the daemon. */
  maxRate: number;
  /** A run that is not said to be alive for this long is ended and begun again; milliseconds. */
  stall: number;
  /** Delay before the first and the later attempts; milliseconds. */
  backoff: { minMs: number; maxMs: number };
  seed: number;
}

/**
 * A program that runs for as long as this is started: begun again with growing delays when it ends, crashes, stalls or
 * is not there. It never throws, and never lets the daemon wait for it.
 */
export class Program {
  private readonly options: ProgramOptions;
  private readonly backoff: Backoff;
  private child: ChildProcess | undefined;
  private gone: Promise<void> | undefined;
  private stalled: NodeJS.Timeout | undefined;
  private next: NodeJS.Timeout | undefined;
  private running = false;
  private startedAt = 0;

  constructor(options: ProgramOptions) {
    this.options = options;
    this.backoff = new Backoff({ ...options.backoff, random: new Random(options.seed) });
  }

  /** Begins the first run. Returns at once. */
  start(): void {
    if (this.running) return;
    this.running = true;
    this.run();
  }

  /** Says that the run gives what it should; puts off its end as a stalled one. */
  alive(): void {
    this.stalled?.refresh();
    // A run that gave something for a while was a good one; one that ends at once keeps the delays growing.
    if (Date.now() - this.startedAt > 10 * this.options.backoff.minMs) this.backoff.reset();
  }

  /** Ends the run; resolves when its process is gone. */
  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.next);
    this.next = undefined;
    this.end();
    await this.gone;
  }

  private run(): void {
    const { program, args, onData, stall } = this.options;
    this.next = undefined;
    this.startedAt = Date.now();
    let said = '';
    let failure: string | undefined;
    let child: ChildProcess;
    try {
      // A group of its own, so that what a wrapper started ends with it.
      child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    } catch (error) {
      this.ended(`${program} cannot be started: ${messageOf(error)}`);
      return;
    }
    this.child = child;
    const output = child.stdout!;
    const allowed = throttle(output, this.options.maxRate);
    output.on('data', (chunk: Buffer) => {
      allowed(chunk.length);
      if (this.child === child) onData(chunk);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_BYTES);
    });
    this.stalled = setTimeout(() => {
      failure = `${program} gave nothing for ${stall / 1000} s and was ended`;
      this.end();
    }, stall);
    this.gone = new Promise((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        failure ??=
          error.code === 'ENOENT'
            ? `the program ${program} is not installed, or not on PATH`
            : `${program} cannot be started: ${error.message}`;
        if (child.pid === undefined) resolve();
      });
      child.once('close', () => resolve());
    });
    void this.gone.then(() => {
      clearTimeout(this.stalled);
      this.child = undefined;
      const { exitCode, signalCode } = child;
      const how = signalCode ? `was ended by ${signalCode}` : `ended with code ${exitCode}`;
      const why = lastLine(said);
      this.ended(failure ?? `${program} ${how}${why && `: ${why}`}`, failure === undefined && exitCode === 0);
    });
  }

  private ended(reason: string, well = false): void {
    if (!this.running) return;
    if (well && !this.options.again) {
      this.running = false;
      this.options.onDone(reason);
      return;
    }
    this.next = setTimeout(() => this.run(), this.backoff.next());
    this.options.onFailed(reason);
  }

  private end(): void {
    const child = this.child;
    if (child?.pid === undefined) return;
    kill(child.pid, 'SIGTERM');
    const timer = setTimeout(() => kill(child.pid!, 'SIGKILL'), GRACE_MS);
    child.once('close', () => clearTimeout(timer));
  }
}

/** Lets a stream rest where it gives more than so many bytes a second; to be told of all that it gives. */
function throttle(stream: Readable, rate: number): (bytes: number) => void {
  let from = performance.now();
  let count = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - from >= COUNT_MS) {
      from = now;
      count = 0;
    }
    count += bytes;
    if (count <= (rate * COUNT_MS) / 1000) return;
    // As long as it should have taken for so many.
    const rest = (1000 * count) / rate - (now - from);
    stream.pause();
    setTimeout(() => stream.resume(), rest).unref();
  };
}

/** Ends a process and what it started; it may be gone already. */
function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The last line of what a program said: where it ended, that is usually why. */
function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').trim().slice(0, 500);
}
