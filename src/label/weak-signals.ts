import type { Answer } from '../recognize/recognizer.js';
import type { Frame, RecentFrames } from './recent-frames.js';
import { agreement, isSure, type WeakLabels } from './weak-labels.js';

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

export interface WeakSignalsParts {
  signals: readonly Signal[];
  frames: RecentFrames;
  weak: WeakLabels;
  /** Listens to a topic; returns what ends that. */
  subscribe: (topic: string, receive: (payload: Buffer, retained: boolean) => void) => () => void;
  classesOf: (task: string) => readonly string[];
  /** Answers for a picture with the classes of one task. */
  answer: (latent: Uint8Array, task: string) => Promise<Answer | undefined>;
  learn: (frame: Frame, task: string, label: string) => Promise<void>;
  ask: (frame: Frame, answer: Answer | undefined, weak: { label: string; source: string }) => Promise<void>;
  failed: (topic: string, error: unknown) => void;
}

/**
 * Labels that another program gives on a topic, of pictures near in time. Where the device's own answer bears a label out it
 * is learned from; else the owner is asked.
 */
export class WeakSignals {
  private readonly parts: WeakSignalsParts;
  private readonly ends: (() => void)[] = [];
  private readonly waits = new Set<NodeJS.Timeout>();

  constructor(parts: WeakSignalsParts) {
    this.parts = parts;
  }

  start(): void {
    for (const signal of this.parts.signals) {
      const end = this.parts.subscribe(signal.topic, (payload, retained) => {
        // What was said before this program listened is of a picture that nobody saw.
        if (retained) return;
        const at = Date.now();
        // The picture may come after the message.
        const wait = setTimeout(() => {
          this.waits.delete(wait);
          this.take(signal, payload, at).catch((error) => this.parts.failed(signal.topic, error));
        }, signal.within);
        this.waits.add(wait);
      });
      this.ends.push(end);
    }
  }

  stop(): void {
    for (const end of this.ends) end();
    for (const wait of this.waits) clearTimeout(wait);
  }

  /** How often labels of a topic are right. */
  trust(topic: string): number {
    const signal = this.parts.signals.find((s) => s.topic === topic);
    return this.parts.weak.trust(topic, signal?.trust ?? 0.5);
  }

  private async take(
    { topic, task, source, labels, within }: Signal,
    payload: Buffer,
    at: number,
  ): Promise<void> {
    const text = payload.toString('utf8').trim();
    const label = labels ? labels[text] : text;
    if (label === undefined || label === '' || Buffer.byteLength(label) > 64) return;
    const { frames, answer, classesOf, learn, ask } = this.parts;
    const frame = frames.near(at, within, source);
    if (!frame) return;
    const said = await answer(frame.latent, task);
    const probability = agreement(label, this.trust(topic), said, classesOf(task));
    if (isSure(probability)) await learn(frame, task, label);
    else await ask(frame, said, { label, source: topic });
  }
}
