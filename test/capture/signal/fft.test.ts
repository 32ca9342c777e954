import { describe, expect, it } from 'vitest';
import { PowerSpectrum } from '../../../src/capture/signal/fft.js';
import { Random } from '../../../src/random.js';

/** The definition of the discrete Fourier transform, squared. */
function naive(frame: readonly number[]): number[] {
  const n = frame.length;
  return Array.from({ length: n / 2 + 1 }, (_, k) => {
    let re = 0;
    let im = 0;
    frame.forEach((x, i) => {
      re += x * Math.cos((2 * Math.PI * k * i) / n);
      im -= x * Math.sin((2 * Math.PI * k * i) / n);
    });
    return re * re + im * im;
  });
}

describe('the power spectrum', () => {
  it.each([2, 4, 8, 64, 512, 2048])('of %i random values is what the definition gives', (size) => {
    const random = new Random(size);
    const frame = Array.from({ length: size }, () => random.next() * 2 - 1);
    const expected = naive(frame);
    const most = Math.max(...expected);
    new PowerSpectrum(size).of(frame).forEach((power, k) => {
      expect(Math.abs(power - expected[k]!)).toBeLessThan(1e-11 * most);
    });
  });

  it('of a short frame counts the rest as 0, and forgets the frame before', () => {
    const spectrum = new PowerSpectrum(16);
    spectrum.of(Array(16).fill(9));
    const found = spectrum.of([1, 2, 3]);
    naive([1, 2, 3, ...Array(13).fill(0)]).forEach((power, k) => {
      expect(found[k]).toBeCloseTo(power, 10);
    });
  });

  it.each([0, 1, 3, 100])('of %i values is refused', (size) => {
    expect(() => new PowerSpectrum(size)).toThrow(/no power of two/);
  });
});
