import type { Logger } from 'pino';
import { messageOf } from '../errors.js';
import type { TellSource } from './context.js';
import type { Counters, SourceStatus } from './counters.js';
import type { FrameSource } from './frames.js';
import type { Chosen, Gate } from './gate.js';
import type { Sink, Source } from './source.js';
import type { Trigger } from './triggers/trigger.js';

/** Cameras that one source stands for, at most. */
const MAX_PLACES = 64;

export interface CameraOptions {
  frames: FrameSource;
  /** Triggers that all its gates share, to be started and stopped. */
  triggers: readonly Trigger[];
  /** A gate for each camera that the source stands for. */
  newGate: () => Gate;
  /** Pictures looked at a second, at most; 0 looks at every one. */
  rate: number;
  /** Pictures that may wait while one is worked on; the oldest is dropped for a new one. */
  queue: number;
  /** The task that is asked. */
  task?: string;
  counters: Counters;
  /** Tells that the camera fails, and that it works again. */
  report: TellSource;
  log: Logger;
}

interface Waiting {
  bytes: Buffer;
  from: string | undefined;
  at: number;
}

/**
 * A source of live pictures: takes them from a program or a connection, lets a gate choose, and delivers what it
 * chose. It keeps up with the camera by dropping pictures, never by letting them pile up.
 */
export class Camera implements Source {
  private readonly options: CameraOptions;
  private readonly gates = new Map<string, Gate>();
  private readonly waiting: Waiting[] = [];
  private working: Promise<void> | undefined;
  private sink: Sink | undefined;
  private nextAt = 0;
  private failing = false;

  constructor(options: CameraOptions) {
    this.options = options;
  }

  async start(sink: Sink): Promise<void> {
    const { frames, triggers, counters } = this.options;
    this.sink = sink;
    for (const t of triggers) t.start?.();
    frames.start({
      frame: (bytes, from) => this.take(bytes, from),
      bad: (reason) => {
        counters.add('bad');
        counters.failed(reason);
      },
      failed: (reason) => this.failed(reason),
      ended: (reason) => this.options.log.info({ source: counters.name }, reason),
    });
  }

  async stop(): Promise<void> {
    this.sink = undefined;
    this.waiting.length = 0;
    for (const t of this.options.triggers) t.stop?.();
    await this.options.frames.stop();
    await this.working;
  }

  status(): SourceStatus {
    return this.options.counters.get();
  }

  private take(bytes: Buffer, from?: string): void {
    if (!this.sink) return;
    const { counters, queue } = this.options;
    counters.add('frames');
    this.works();
    const at = Date.now();
    if (!this.isTime(at)) return;
    if (this.waiting.length >= queue) {
      this.waiting.shift();
      counters.add('dropped');
    }
    this.waiting.push({ bytes, from, at });
    this.working ??= this.work();
  }

  /** Whether enough time has gone by since the picture looked at before. */
  private isTime(now: number): boolean {
    const { rate } = this.options;
    if (rate === 0) return true;
    const period = 1000 / rate;
    // A clock that was set back does not keep it waiting.
    if (now < this.nextAt && now > this.nextAt - 2 * period) return false;
    // By the clock of the rate, not of the pictures: 24 a second still become 10, and not 8.
    this.nextAt = Math.max(this.nextAt + period, now - period / 2);
    return true;
  }

  private async work(): Promise<void> {
    for (let next = this.waiting.shift(); next && this.sink; next = this.waiting.shift()) {
      const { bytes, from, at } = next;
      const chosen = await this.gateOf(from ?? '').consider(bytes, at);
      if (chosen && this.sink) await this.deliver(chosen, from, this.sink);
    }
    this.working = undefined;
  }

  private async deliver({ bytes, task, label }: Chosen, from: string | undefined, sink: Sink): Promise<void> {
    const { counters, log } = this.options;
    try {
      await sink({
        path: from === undefined ? counters.name : `${counters.name}: ${from}`,
        bytes,
        task: task ?? this.options.task,
        ...(label !== undefined && { label }),
      });
      counters.add('delivered');
    } catch (error) {
      // A live picture does not come again; the next one does.
      counters.failed(messageOf(error));
      log.warn({ source: counters.name, error: messageOf(error) }, 'a picture was lost');
    }
  }

  private gateOf(from: string): Gate {
    const known = this.gates.get(from);
    if (known) return known;
    // Topics may be many; the one known longest is forgotten.
    if (this.gates.size >= MAX_PLACES) this.gates.delete(this.gates.keys().next().value!);
    const gate = this.options.newGate();
    this.gates.set(from, gate);
    return gate;
  }

  private failed(reason: string): void {
    const { counters, report } = this.options;
    counters.add('restarts');
    counters.failed(reason);
    if (this.failing) return;
    // Once, however often it is tried.
    this.failing = true;
    report('source-failed', `${counters.name}: ${reason}; it is tried again`, {
      source: counters.name,
      reason,
    });
  }

  private works(): void {
    if (!this.failing) return;
    const { counters, report } = this.options;
    this.failing = false;
    report('source-works', `${counters.name}: pictures come again`, { source: counters.name });
  }
}
