import { randomUUID } from 'node:crypto';
import type { Answer } from './answer.js';
import type { Smoothed, SmoothingOptions } from './smoothing.js';

/** What stands of one task of one source, from when it is sure enough until it is so no more. */
export interface StreamEvent {
  /** No other event of any device has it. */
  id: string;
  source: string;
  task: string;
  /** Null for novel. */
  label: string | null;
  /** Smoothed. */
  probability: number;
  /** The highest that it was. */
  topProbability: number;
  /** What answered. */
  version: Answer['version'];
  /** The newest picture of which it was said. */
  sample: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  /** Milliseconds since 1970; null while it stands. */
  endedAt: number | null;
}

/** Something about an event that is to be told. */
export interface StreamEventChange {
  type: 'new' | 'update' | 'end';
  /** As it was told before; null of a new one. */
  before: StreamEvent | null;
  after: StreamEvent;
}

/** A smoothed probability that moved by so much since it was told is told again. */
const MOVED = 0.2;

interface Open {
  now: StreamEvent;
  told: StreamEvent;
  /** When its task answered for its source last; milliseconds since 1970. */
  at: number;
}

/**
 * Makes events of what the answers of each source say over time: one begins when a label stands, is told of again when something
 * that matters has changed (what answers, or the probability by a fifth), and ends when the label stands no more. So an
 * automation can act once for each.
 */
export class StreamEvents {
  private readonly away: number;
  private readonly open = new Map<string, Open>();

  constructor({ halfLife, leave }: SmoothingOptions) {
    // As long as an average of ones takes to fall below `leave` when nothing but zeros comes.
    this.away = 1000 * halfLife * Math.log2(1 / Math.max(leave, 0.01));
  }

  /**
   * Takes an answer in.
   * @param smoothed what the answers of its task and source say now
   * @param at milliseconds since 1970
   */
  add(source: string, sample: string, answer: Answer, smoothed: Smoothed, at: number): StreamEventChange[] {
    const { task, version } = answer;
    const { label, probability } = smoothed;
    const key = `${source}/${task}`;
    const changes = this.endThose((event, last) => {
      if (event.source !== source) return false;
      // The source shows something of another task for good.
      return event.task === task ? event.label !== label : at - last > this.away;
    }, at);
    const open = this.open.get(key);
    if (label === undefined) return changes;
    if (!open) {
      const now: StreamEvent = {
        ...{ id: randomUUID(), source, task, label, probability, topProbability: probability },
        ...{ version, sample, startedAt: at, endedAt: null },
      };
      this.open.set(key, { now, told: now, at });
      return [...changes, { type: 'new', before: null, after: now }];
    }
    const topProbability = Math.max(open.now.topProbability, probability);
    open.now = { ...open.now, probability, topProbability, version, sample };
    open.at = at;
    const { now, told } = open;
    if (version === told.version && Math.abs(probability - told.probability) < MOVED) return changes;
    open.told = now;
    return [...changes, { type: 'update', before: told, after: now }];
  }

  /**
   * Ends what stands of a source that gives no more pictures, or of all.
   * @param at milliseconds since 1970
   */
  end(source: string | undefined, at: number): StreamEventChange[] {
    return this.endThose((event) => source === undefined || event.source === source, at);
  }

  private endThose(over: (event: StreamEvent, last: number) => boolean, at: number): StreamEventChange[] {
    const changes: StreamEventChange[] = [];
    for (const [key, { now, told, at: last }] of this.open) {
      if (!over(now, last)) continue;
      this.open.delete(key);
      changes.push({ type: 'end', before: told, after: { ...now, endedAt: at } });
    }
    return changes;
  }
}
