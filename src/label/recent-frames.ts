import type { Answer } from '../recognize/answer.js';
import type { Smoothed } from '../recognize/smoothing.js';
import type { FrameView } from './api.js';
import { answerView } from './views.js';

/** A picture of a source that was answered just now. */
export interface Frame {
  sample: string;
  source: string;
  /** Whose answer was asked for, where a task was named. */
  task?: string | undefined;
  at: number;
  bytes: Buffer;
  latent: Uint8Array;
  answer: Answer | undefined;
  smoothed: Smoothed | undefined;
}

/** Pictures of each source that can still be labelled: what a person sees may be some pictures old. */
const OF_EACH = 6;
/** Pictures that were looked at lately: who holds one still may label it. */
const LOOKED_AT = 12;
const SOURCES = 32;

/** The newest pictures of every source, in memory only. */
export class RecentFrames {
  private readonly bySource = new Map<string, Frame[]>();
  private readonly looked = new Map<string, Frame>();

  add(frame: Frame): void {
    const frames = this.bySource.get(frame.source) ?? [];
    this.bySource.delete(frame.source);
    if (this.bySource.size >= SOURCES) this.bySource.delete(this.bySource.keys().next().value!);
    this.bySource.set(frame.source, [...frames.slice(1 - OF_EACH), frame]);
  }

  get(sample: string): Frame | undefined {
    for (const frames of this.bySource.values()) {
      const found = frames.find((f) => f.sample === sample);
      if (found) return found;
    }
    return this.looked.get(sample);
  }

  /** Notes that somebody looks at a picture. */
  lookedAt(frame: Frame): void {
    this.looked.delete(frame.sample);
    this.looked.set(frame.sample, frame);
    if (this.looked.size > LOOKED_AT) this.looked.delete(this.looked.keys().next().value!);
  }

  /** Takes another answer for a picture. Returns it where it is the newest of its source. */
  answer(sample: string, answer: Answer): Frame | undefined {
    const frame = this.get(sample);
    if (frame) frame.answer = answer;
    return this.newest().find((f) => f === frame);
  }

  /** The newest of each source. */
  newest(): Frame[] {
    return [...this.bySource.values()].map((frames) => frames.at(-1)!);
  }

  /** The picture nearest in time, at most so many milliseconds away. */
  near(at: number, within: number, source?: string): Frame | undefined {
    const near = [...this.bySource.values()]
      .flat()
      .filter((f) => (source === undefined || f.source === source) && Math.abs(f.at - at) <= within);
    return near.sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0];
  }
}

/** A picture as it is shown live. */
export function frameView({ source, sample, at, answer, smoothed }: Frame): FrameView {
  return {
    ...{ source, sample, at },
    answer: answer ? answerView(answer) : null,
    smoothed:
      smoothed?.label === undefined ? null : { label: smoothed.label, probability: smoothed.probability },
  };
}
