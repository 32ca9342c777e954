import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/recognize/answer.js';
import type { SmoothingOptions } from '../../src/recognize/smoothing.js';
import { type StreamEventChange, StreamEvents } from '../../src/recognize/stream-events.js';
import { StreamWatch } from '../../src/recognize/stream-watch.js';

const OPTIONS: SmoothingOptions = { halfLife: 2, enter: 0.7, leave: 0.4 };

/** A stream whose answers are smoothed as a device smooths them. */
class Stream {
  readonly told: StreamEventChange[] = [];
  private readonly watch = new StreamWatch(OPTIONS);
  private readonly events = new StreamEvents(OPTIONS);
  at = 1_000_000;
  private pictures = 0;

  /** Says something of so many pictures, one a second. */
  say(label: string, count: number, more: Partial<Answer> & { source?: string } = {}): void {
    const { source = 'door', ...answer } = more;
    for (let k = 0; k < count; k++) {
      const probability = answer.probability ?? 0.95;
      const full: Answer = {
        ...{ task: 'gate', label, version: 'instant', novel: false, probability, ...answer },
        all: [
          { label, probability },
          { label: `not ${label}`, probability: 1 - probability },
        ],
      };
      const { smoothed } = this.watch.add(source, full, this.at);
      this.told.push(...this.events.add(source, `p${this.pictures++}`, full, smoothed, this.at));
      this.at += 1000;
    }
  }

  end(source?: string): void {
    this.told.push(...this.events.end(source, this.at));
  }

  /** What was told of beginnings and ends, in order. */
  get turns(): StreamEventChange[] {
    return this.told.filter(({ type }) => type !== 'update');
  }

  get types(): string[] {
    return this.turns.map(({ type, after }) => `${type} ${after.task}/${after.label}`);
  }

  get updates(): StreamEventChange[] {
    return this.told.filter(({ type }) => type === 'update');
  }
}

describe('an event', () => {
  it('is told of once when its label stands, however many pictures say so, and once when it stands no more', () => {
    const stream = new Stream();
    stream.say('open', 50);
    expect(stream.types).toEqual(['new gate/open']);
    expect(stream.updates).toEqual([]);
    stream.say('shut', 50);
    expect(stream.types).toEqual(['new gate/open', 'end gate/open', 'new gate/shut']);
    const [begun, over, next] = stream.turns;
    expect(begun).toMatchObject({
      before: null,
      after: { startedAt: 1_000_000, endedAt: null, sample: 'p0' },
    });
    expect(over!.before!.id).toBe(begun!.after.id);
    // Of a hundred pictures, those by which one label gave way to the other moved the probabilities.
    expect(stream.updates.length).toBeLessThanOrEqual(4);
    expect(over!.after).toMatchObject({ id: begun!.after.id, startedAt: 1_000_000, sample: 'p51' });
    expect(over!.after.endedAt).toBeGreaterThan(1_049_000);
    expect(over!.after.topProbability).toBeCloseTo(0.95, 6);
    expect(next!.after.id).not.toBe(begun!.after.id);
    expect(next!.after.startedAt).toBeGreaterThanOrEqual(over!.after.endedAt!);
  });

  it('is told of again when its probability has moved by a fifth or another version answers, and not between', () => {
    const stream = new Stream();
    stream.say('open', 10, { probability: 0.72 });
    stream.say('open', 20, { probability: 0.8 });
    expect(stream.told).toHaveLength(1);
    stream.say('open', 40, { probability: 0.99 });
    expect(stream.updates).toHaveLength(1);
    const [begun, update] = stream.told;
    expect(update!.before).toEqual(begun!.after);
    expect(update!.after.probability - begun!.after.probability).toBeGreaterThanOrEqual(0.2);
    stream.say('open', 5, { version: 2, probability: 0.99 });
    expect(stream.told).toHaveLength(3);
    expect(stream.told[2]).toMatchObject({
      type: 'update',
      before: { version: 'instant' },
      after: { version: 2, id: begun!.after.id },
    });
    stream.say('open', 9, { version: 2, probability: 0.7 });
    expect(stream.updates).toHaveLength(3);
    expect(stream.told.at(-1)!.after.topProbability).toBeCloseTo(0.99, 2);
    expect(stream.told.at(-1)!.after.probability).toBeLessThan(0.8);
  });

  it('stands for what is novel, too', () => {
    const stream = new Stream();
    stream.say('open', 5);
    stream.say('open', 10, { novel: true });
    expect(stream.types).toEqual(['new gate/open', 'end gate/open', 'new gate/null']);
  });

  it('ends without another one where nothing is sure enough', () => {
    const stream = new Stream();
    stream.say('open', 5);
    stream.say('shut', 4, { probability: 0.6 });
    expect(stream.types).toEqual(['new gate/open', 'end gate/open']);
  });

  it('is of one source and task, and ends when its source shows something of another task for good', () => {
    const stream = new Stream();
    stream.say('open', 5);
    stream.say('open', 1, { source: 'yard' });
    stream.say('day', 1, { task: 'light' });
    // One picture is no end: the two may take turns.
    expect(stream.types).toEqual(['new gate/open', 'new gate/open', 'new light/day']);
    stream.say('open', 1);
    stream.say('day', 10, { task: 'light' });
    expect(stream.types.slice(3)).toEqual(['end gate/open']);
    expect(stream.turns[3]!.after).toMatchObject({ source: 'door' });
    // And begins anew when it is shown again.
    stream.say('open', 1);
    expect(stream.types.at(-1)).toBe('new gate/open');
    expect(stream.told.at(-1)!.after.id).not.toBe(stream.told[0]!.after.id);
  });

  it('ends with its source, once, and all end with the program', () => {
    const stream = new Stream();
    stream.say('open', 3);
    stream.say('shut', 3, { source: 'yard' });
    stream.end('door');
    expect(stream.told.slice(2)).toMatchObject([
      { type: 'end', after: { source: 'door', endedAt: stream.at } },
    ]);
    stream.end();
    stream.end();
    expect(stream.told.slice(3)).toMatchObject([{ type: 'end', after: { source: 'yard' } }]);
    stream.say('open', 1);
    expect(stream.types.at(-1)).toBe('new gate/open');
    expect(new Set(stream.told.map((t) => t.after.id)).size).toBe(3);
  });
});
