import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { Normalizer } from '../../../src/capture/signal/normalizer.js';
import { spectrogramPicture } from '../../../src/capture/signal/picture.js';
import { Spectrogram } from '../../../src/capture/signal/spectrogram.js';
import { Random } from '../../../src/random.js';

const options = { rate: 8000, window: 256, hop: 80, bands: 40, scale: 'mel', low: 0, high: 4000 } as const;

/** A sine, full scale. */
function sine(hertz: number, seconds = 0.5, rate = 8000): Float32Array {
  return Float32Array.from({ length: seconds * rate }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate));
}

/** The loudest band of each column. */
function loudest(columns: Float32Array, bands: number): number[] {
  return Array.from({ length: columns.length / bands }, (_, c) => {
    const column = columns.slice(c * bands, (c + 1) * bands);
    return column.indexOf(Math.max(...column));
  });
}

describe('a spectrogram', () => {
  it('has a tone in the band of its frequency: HTK gives 1000 Hz 999.99 mel', () => {
    const spectrogram = new Spectrogram(options);
    const found = loudest(spectrogram.of(sine(1000)), 40);
    expect(found).toHaveLength(spectrogram.columns(4000));
    // 4000 Hz are 2146.06 mel; the centres are 41 equal steps apart.
    const step = 2146.06 / 41;
    expect(new Set(found)).toEqual(new Set([Math.round(999.99 / step) - 1]));
    const linear = new Spectrogram({ ...options, scale: 'linear' });
    expect(new Set(loudest(linear.of(sine(1000)), 40))).toEqual(
      new Set([Math.round(1000 / (4000 / 41)) - 1]),
    );
  });

  it('has 0 for a tone of full scale, and falls by the square of its amplitude', () => {
    const spectrogram = new Spectrogram({ ...options, scale: 'linear', bands: 20 });
    const full = Math.max(...spectrogram.of(sine(1000)));
    expect(full).toBeGreaterThan(-0.5);
    expect(full).toBeLessThan(0.7);
    const tenth = Math.max(...spectrogram.of(sine(1000).map((v) => v / 10)));
    expect(full - tenth).toBeCloseTo(Math.log(100), 3);
  });

  it('has as many columns as there are whole windows, and every band where bands are narrow', () => {
    const spectrogram = new Spectrogram({ ...options, bands: 256, window: 64 });
    expect(spectrogram.columns(63)).toBe(0);
    expect(spectrogram.columns(64 + 80)).toBe(2);
    const random = new Random(1);
    const noise = Float32Array.from({ length: 64 }, () => random.next() - 0.5);
    expect([...spectrogram.of(noise)].every((v) => Number.isFinite(v) && v > Math.log(1e-9))).toBe(true);
  });
});

describe('what is usual for a sensor', () => {
  it('is grey, what differs is light or dark, and it is learned only once', () => {
    const random = new Random(3);
    const columns = (mean: number, n: number) =>
      Float32Array.from({ length: 2 * n }, (_, i) =>
        i % 2 === 0 ? mean + 4 * (random.next() - 0.5) * Math.sqrt(3) : -5,
      );
    const normalizer = new Normalizer(2, 1000);
    normalizer.learn(columns(10, 1500));
    expect(normalizer.settled).toBe(true);
    const [usual, silent] = normalizer.grey(Float32Array.of(10, -5));
    expect(Math.abs(usual! - 128)).toBeLessThan(4);
    expect(silent).toBe(128);
    // The deviation was 2: three of them are the whole range.
    expect(normalizer.grey(Float32Array.of(16.3, -5))[0]).toBeGreaterThan(250);
    expect(normalizer.grey(Float32Array.of(3.7, -5))[0]).toBeLessThan(6);
    normalizer.learn(columns(100, 1500));
    expect(normalizer.grey(Float32Array.of(10, -5))[0]).toBe(usual);
  });

  it('is restored from what was saved, unless it was of other bands', () => {
    const one = new Normalizer(2, 100);
    one.learn(Float32Array.of(1, 2, 3, 5, 2, 2));
    const other = new Normalizer(2, 100);
    other.restore(one.save());
    const probe = Float32Array.of(2.5, 4);
    expect(other.grey(probe)).toEqual(one.grey(probe));
    const third = new Normalizer(3, 100);
    third.restore(one.save());
    expect(third.save()).toBe(new Normalizer(3, 100).save());
  });
});

describe('the picture', () => {
  it('has time to the right and the lowest band at the bottom', async () => {
    // Two columns of three bands: only the lowest band of the second one is light.
    const grey = Uint8Array.of(0, 0, 0, 255, 0, 0);
    const png = await spectrogramPicture([grey], 3, { width: 2, height: 3 });
    const { data } = await sharp(png).greyscale().raw().toBuffer({ resolveWithObject: true });
    expect([...data]).toEqual([0, 0, 0, 0, 0, 255]);
    const { width, height } = await sharp(
      await spectrogramPicture([grey], 3, { width: 224, height: 200 }),
    ).metadata();
    expect([width, height]).toEqual([224, 200]);
  });

  it('has a colour for each of three channels', async () => {
    const png = await spectrogramPicture([Uint8Array.of(10), Uint8Array.of(20), Uint8Array.of(30)], 1, {
      width: 1,
      height: 1,
    });
    expect([...(await sharp(png).raw().toBuffer())]).toEqual([10, 20, 30]);
  });
});
