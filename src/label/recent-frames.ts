import type { Answer } from '../recognize/recognizer.js';
import type { Smoothed } from '../recognize/smoothing.js';
import type { FrameView } from './api.js';
import { answerView } from './views.js';

/** A picture of a source that was answered just now. */
export interface Frame {
  sample: string;
  source: string;
  at: number;
  bytes: Buffer;
  latent: Uint8Array;
  answer: Answer | undefined;
  smoothed: Smoothed | undefined;
}

/** Pictures of each source that can still be labelled: what a person sees may be some pictures old. */
const OF_EACH = 6;
const SOURCES = 32;

/** The newest pictures of every source, in memory only. */
export class RecentFrames {
  private readonly bySource = new Map<string, Frame[]>();

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
    return undefined;
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
