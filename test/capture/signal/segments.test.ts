import { describe, expect, it } from 'vitest';
import { readMessage, SampleReader } from '../../../src/capture/signal/samples.js';
import { type SegmentOptions, Segments } from '../../../src/capture/signal/segments.js';
import { Random } from '../../../src/random.js';

/** What is cut out of a signal that comes in parts of these lengths. */
function cut(options: SegmentOptions, values: Float32Array, parts: readonly number[] = [values.length]) {
  const found: Float32Array[][] = [];
  const segments = new Segments(options, (channels) => found.push(channels));
  for (let from = 0, i = 0; from < values.length; i++) {
    const size = parts[i % parts.length]! * options.channels;
    segments.push(values.subarray(from, from + size));
    from += size;
  }
  return found;
}

const count = (n: number) => Float32Array.from({ length: n }, (_, i) => i);

describe('segments one after the other', () => {
  it.each([
    [100, 100, [0, 100, 200]],
    [100, 50, [0, 50, 100, 150, 200]],
    [50, 120, [0, 120, 240]],
  ])('of %i every %i begin where they should, however the signal comes', (length, every, begins) => {
    for (const parts of [[1000], [1], [7, 30, 99]]) {
      const found = cut({ rate: 1000, channels: 1, length, every }, count(300), parts);
      expect(found.map(([c]) => c![0])).toEqual(begins);
      for (const [c] of found) expect(c!.length).toBe(length);
    }
  });

  it('have each channel apart', () => {
    const interleaved = Float32Array.from({ length: 30 }, (_, i) => (i % 3) * 100 + Math.floor(i / 3));
    const found = cut({ rate: 100, channels: 3, length: 4, every: 4 }, interleaved, [3]);
    expect(found[1]!.map((c) => [...c])).toEqual([
      [4, 5, 6, 7],
      [104, 105, 106, 107],
      [204, 205, 206, 207],
    ]);
  });
});

describe('segments at what begins to be heard', () => {
  const rate = 8000;
  const random = new Random(5);
  /** Noise with bursts; seconds. */
  function bursts(seconds: number, at: readonly number[], lasting = 0.2): Float32Array {
    return Float32Array.from({ length: seconds * rate }, (_, i) => {
      const t = i / rate;
      const loud = at.some((b) => t >= b && t < b + lasting);
      return (random.next() - 0.5) * (loud ? 1 : 0.01);
    });
  }
  const options = { rate, channels: 1, length: rate / 2, every: rate / 2, onset: 12 };

  it('begin a tenth of a second before it', () => {
    const signal = bursts(6, [1, 2.5, 4.004]);
    for (const parts of [[signal.length], [160], [4000, 33]]) {
      const found = cut(options, signal, parts);
      const begins = found.map(([c]) =>
        signal.findIndex((_, i) => c!.every((v, k) => k > 20 || signal[i + k] === v)),
      );
      expect(begins).toHaveLength(3);
      [1, 2.5, 4.004].forEach((burst, i) => {
        expect(Math.abs(begins[i]! / rate - (burst - 0.1))).toBeLessThan(0.011);
      });
    }
  });

  it('do not go on for ever when it stays loud: that is the background then', () => {
    const signal = bursts(10, [2], 8);
    expect(cut(options, signal, [500])).toHaveLength(1);
  });

  it('come again when it was quiet for a moment', () => {
    expect(cut(options, bursts(6, [1, 1.9], 0.6), [500])).toHaveLength(2);
  });
});

describe('samples', () => {
  it('are read out of bytes that are cut anywhere', () => {
    const bytes = Buffer.alloc(24);
    for (const [i, v] of [0.5, -1, 2, 3.25, -4, 0].entries()) bytes.writeFloatLE(v, 4 * i);
    for (const size of [1, 3, 5, 24]) {
      const reader = new SampleReader('f32le', 2);
      const values: number[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const part = reader.push(bytes.subarray(at, at + size));
        expect(part.length % 2).toBe(0);
        values.push(...part);
      }
      expect(values).toEqual([0.5, -1, 2, 3.25, -4, 0]);
    }
  });

  it('of sixteen bits are between -1 and 1, and what is no number is 0', () => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt16LE(-32768, 0);
    bytes.writeInt16LE(16384, 2);
    expect([...new SampleReader('s16le', 1).push(bytes)]).toEqual([-1, 0.5]);
    const nan = Buffer.alloc(8);
    nan.writeFloatLE(Number.NaN, 0);
    nan.writeFloatLE(Number.POSITIVE_INFINITY, 4);
    expect([...new SampleReader('f32le', 1).push(nan)]).toEqual([0, 0]);
  });

  it('are read out of messages, and what is wrong with one is said', () => {
    expect([...readMessage(Buffer.from('[[1, 2], [3, 4]]'), 'json', 2)]).toEqual([1, 2, 3, 4]);
    expect(() => readMessage(Buffer.from('[1, "2"]'), 'json', 1)).toThrow(/expected a list of numbers/);
    expect(() => readMessage(Buffer.from('[1, 2, 3]'), 'json', 2)).toThrow(
      /3 values are no whole samples of 2/,
    );
    expect(() => readMessage(Buffer.alloc(5), 'f32le', 1)).toThrow(/5 bytes are no whole values of f32le/);
    expect(() => readMessage(Buffer.from('nothing'), 'json', 1)).toThrow();
  });
});
