import type { Answer } from './answer.js';
import { type DriftKind, DriftMonitor } from './drift.js';
import { type Smoothed, Smoothing, type SmoothingOptions } from './smoothing.js';

/** What a stream of pictures says with one more answer. */
export interface Watched {
  smoothed: Smoothed;
  /** What has changed about the stream, where something has just been noticed. */
  drift?: DriftKind;
}

/** Follows the answers of every source over time: smooths them for each task, and notices when the stream changes. */
export class StreamWatch {
  private readonly options: SmoothingOptions;
  private readonly smoothings = new Map<string, Smoothing>();
  private readonly monitors = new Map<string, DriftMonitor>();

  constructor(options: SmoothingOptions) {
    this.options = options;
  }

  /**
   * @param source whose stream it is
   * @param at milliseconds
   */
  add(source: string, answer: Answer, at: number): Watched {
    const smoothing = made(this.smoothings, `${source}/${answer.task}`, () => new Smoothing(this.options));
    const probabilities = answer.novel
      ? new Map<string | null, number>([[null, 1]])
      : new Map<string | null, number>(answer.all.map((c) => [c.label, c.probability]));
    const monitor = made(this.monitors, source, () => new DriftMonitor());
    const { task, probability: confidence, pValue } = answer;
    const drift = monitor.add({ task, confidence, ...(pValue !== undefined && { pValue }) });
    return { smoothed: smoothing.add(probabilities, at), ...(drift && { drift }) };
  }
}

function made<T>(all: Map<string, T>, key: string, make: () => T): T {
  const found = all.get(key) ?? make();
  all.set(key, found);
  return found;
}
