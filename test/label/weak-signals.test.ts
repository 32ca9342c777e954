import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Frame, RecentFrames } from '../../src/label/recent-frames.js';
import { WeakLabels } from '../../src/label/weak-labels.js';
import { type Signal, WeakSignals } from '../../src/label/weak-signals.js';
import type { Answer } from '../../src/recognize/answer.js';
import { openStore, type Store } from '../../src/store/store.js';
import { scratchFolder } from '../store/scratch.js';
import { answerOf } from './queue-rooms.js';

const scratch = scratchFolder();
const START = 1_000_000;
let store: Store;
let weak: WeakLabels;
let frames: RecentFrames;
let signals: WeakSignals;
let receivers: Map<string, (payload: Buffer, retained: boolean) => void>;
let learned: [sample: string, task: string, label: string][];
let asked: [sample: string, label: string, source: string][];
let failed: string[];
/** What the device says, whatever it sees. */
let says: Answer | undefined;

/** Begins to listen, as a device with these signals does. */
function listen(...list: Partial<Signal>[]): void {
  signals = new WeakSignals({
    signals: list.map((s) => ({ topic: 'plc/part', task: 'parts', within: 1000, trust: 0.8, ...s })),
    ...{ frames, weak },
    subscribe: (topic, receive) => {
      receivers.set(topic, receive);
      return () => receivers.delete(topic);
    },
    classesOf: () => ['good', 'not good'],
    answer: async () => says,
    learn: async ({ sample }, task, label) => {
      learned.push([sample, task, label]);
    },
    ask: async ({ sample }, _task, _answer, said) => {
      asked.push([sample, said.label, said.source]);
    },
    failed: (topic, error) => failed.push(`${topic}: ${error}`),
  });
  signals.start();
}

/** A picture passes, as the page notes it. */
function pass(sample: string, source = 'cam'): void {
  const at = Date.now();
  const latent = new Uint8Array(4);
  const frame: Frame = {
    sample,
    source,
    at,
    bytes: Buffer.alloc(0),
    latent,
    answer: says,
    smoothed: undefined,
  };
  frames.add(frame);
  signals.seen(frame);
}
const say = (text: string, { retained = false, topic = 'plc/part' } = {}) =>
  receivers.get(topic)!(Buffer.from(text), retained);
const later = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  store = openStore(scratch.path('store'));
  weak = new WeakLabels(store.database);
  frames = new RecentFrames();
  [receivers, learned, asked, failed] = [new Map(), [], [], []];
  says = answerOf('good', 0.95);
});
afterEach(() => {
  signals.stop();
  store.close();
  vi.useRealTimers();
});

describe('a label from another program', () => {
  it('is learned from where the device agrees, and asked about where it does not', async () => {
    listen({});
    pass('a');
    say('good');
    await later(1000);
    expect(learned).toEqual([['a', 'parts', 'good']]);
    pass('b');
    say('not good');
    await later(1000);
    expect(asked).toEqual([['b', 'not good', 'plc/part']]);
    says = undefined;
    pass('c');
    say('good');
    await later(1000);
    expect(asked[1]).toEqual(['c', 'good', 'plc/part']);
    expect(learned).toHaveLength(1);
  });

  it('is of the picture nearest in time, before it or after it, and of none that is far', async () => {
    listen({});
    pass('long before');
    await later(1500);
    say('good');
    await later(1000);
    expect(learned).toEqual([]);
    pass('before');
    await later(300);
    say('good');
    await later(100);
    pass('after');
    await later(2000);
    expect(learned).toEqual([['after', 'parts', 'good']]);
  });

  it('finds the nearest picture of a quick camera, of which only the newest are held', async () => {
    listen({});
    for (let k = 0; k < 100; k++) {
      if (k === 50) say('good');
      pass(`p${k}`);
      await later(20);
    }
    await later(1000);
    expect(frames.get('p50')).toBeUndefined();
    expect(learned).toEqual([['p50', 'parts', 'good']]);
  });

  it('is of its source, where one is named', async () => {
    listen({ source: 'cam' });
    pass('mine');
    await later(10);
    pass('other', 'another');
    say('good');
    pass('other too', 'another');
    await later(1000);
    expect(learned).toEqual([['mine', 'parts', 'good']]);
  });

  it('means what the settings say, and nothing else', async () => {
    listen({ labels: { '0': 'good', '1': 'not good' } });
    for (const text of ['7', '', 'good', 'constructor', ' 0\n']) {
      pass(text);
      say(text);
      await later(1000);
    }
    expect(learned).toEqual([[' 0\n', 'parts', 'good']]);
    expect(asked).toEqual([]);
  });

  it('is not taken where it was retained, is empty or is too long for a name', async () => {
    listen({});
    pass('a');
    say('good', { retained: true });
    say('  ');
    say('x'.repeat(65));
    await later(1000);
    expect([learned, asked]).toEqual([[], []]);
  });

  it('is trusted as often as the owner found it right', async () => {
    listen({ trust: 0.8 });
    expect(weak.trust('plc/part', 0.8)).toBe(0.8);
    for (let i = 0; i < 30; i++) weak.looked('plc/part', false);
    expect(weak.trust('plc/part', 0.8)).toBeCloseTo(0.2, 12);
    pass('a');
    say('good');
    await later(1000);
    // 0.2 * 0.95 / (0.2 * 0.95 + 0.8 * 0.05) = 0.83: not sure enough any more.
    expect([learned, asked]).toEqual([[], [['a', 'good', 'plc/part']]]);
  });

  it('ends with the program, and what fails is told', async () => {
    listen({}, { topic: 'plc/other' });
    says = answerOf('good', 0.95);
    const learning = vi.spyOn(learned, 'push').mockImplementation(() => {
      throw new Error('the disk is full');
    });
    pass('a');
    say('good', { topic: 'plc/other' });
    await later(1000);
    expect(failed).toEqual(['plc/other: Error: the disk is full']);
    learning.mockRestore();
    say('good');
    signals.stop();
    await later(5000);
    expect(learned).toEqual([]);
    expect(receivers.size).toBe(0);
  });
});
