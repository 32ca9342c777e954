import type { Answer } from '../recognize/answer.js';
import type { Frame, RecentFrames } from './recent-frames.js';
import { settleWeak, type WeakEnds, type WeakLabels } from './weak-labels.js';

/** Where labels come from, and what they mean. */
export interface Signal {
  topic: string;
  task: string;
  source?: string | undefined;
  labels?: Record<string, string> | undefined;
  /** Milliseconds. */
  within: number;
  trust: number;
}

export interface WeakSignalsParts extends WeakEnds {
  signals: readonly Signal[];
  frames: RecentFrames;
  weak: WeakLabels;
  /** Listens to a topic; returns what ends that. */
  subscribe: (topic: string, receive: (payload: Buffer, retained: boolean) => void) => () => void;
  /** Answers for a picture with the classes of one task. */
  answer: (latent: Uint8Array, task: string) => Promise<Answer | undefined>;
  failed: (topic: string, error: unknown) => void;
}

/** A label that waits for pictures that come after it. */
interface Waiting {
  signal: Signal;
  label: string;
  at: number;
  /** The picture nearest in time so far. */
  nearest: Frame | undefined;
  timer: NodeJS.Timeout;
}

/**
 * Labels that another program gives on a topic, of pictures near in time. Where the device's own answer bears a label out it
 * is learned from; else the owner is asked.
 */
export class WeakSignals {
  private readonly parts: WeakSignalsParts;
  private readonly ends: (() => void)[] = [];
  private readonly waiting = new Set<Waiting>();

  constructor(parts: WeakSignalsParts) {
    this.parts = parts;
  }

  start(): void {
    for (const signal of this.parts.signals) {
      const end = this.parts.subscribe(signal.topic, (payload, retained) => {
        // What was said before this program listened is of a picture that nobody saw.
        if (retained) return;
        this.receive(signal, payload, Date.now());
      });
      this.ends.push(end);
    }
  }

  stop(): void {
    for (const end of this.ends) end();
    for (const { timer } of this.waiting) clearTimeout(timer);
    this.waiting.clear();
  }

  /** Notes a picture: of a quick camera the nearest one to a label is long forgotten when the wait for later ones ends. */
  seen(frame: Frame): void {
    for (const label of this.waiting) {
      const { source, within } = label.signal;
      const apart = Math.abs(frame.at - label.at);
      if (apart > within || (source !== undefined && source !== frame.source)) continue;
      if (!label.nearest || apart < Math.abs(label.nearest.at - label.at)) label.nearest = frame;
    }
  }

  private receive(signal: Signal, payload: Buffer, at: number): void {
    const { source, labels, within } = signal;
    const text = payload.toString('utf8').trim();
    const label = labels ? (Object.hasOwn(labels, text) ? labels[text] : undefined) : text;
    if (label === undefined || label === '' || Buffer.byteLength(label) > 64) return;
    const timer = setTimeout(() => {
      this.waiting.delete(waiting);
      this.take(waiting).catch((error) => this.parts.failed(signal.topic, error));
    }, within);
    const waiting = { signal, label, at, nearest: this.parts.frames.near(at, within, source), timer };
    this.waiting.add(waiting);
  }

  private async take({ signal: { topic, task, trust: estimate }, label, nearest }: Waiting): Promise<void> {
    if (!nearest) return;
    const said = await this.parts.answer(nearest.latent, task);
    const trust = this.parts.weak.trust(topic, estimate);
    await settleWeak(nearest, { task, label, source: topic, trust }, said, this.parts);
  }
}
