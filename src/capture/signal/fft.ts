/**
 * The power spectrum of real frames, by the radix-2 fast Fourier transform (Cooley & Tukey, Math. Comp. 19, 1965),
 * decimation in time. Tables are made once for a size.
 */
export class PowerSpectrum {
  /** Values of a frame: a power of two. */
  readonly size: number;
  private readonly reversed: Uint32Array;
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly re: Float64Array;
  private readonly im: Float64Array;

  /** @throws RangeError where `size` is no power of two */
  constructor(size: number) {
    if (size < 2 || (size & (size - 1)) !== 0) throw new RangeError(`${size} is no power of two from 2 on`);
    this.size = size;
    this.reversed = bitReversal(size);
    const angle = (i: number) => (-2 * Math.PI * i) / size;
    this.cosines = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos(angle(i)));
    this.sines = Float64Array.from({ length: size / 2 }, (_, i) => Math.sin(angle(i)));
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
  }

  /**
   * The squared magnitudes of the frequencies 0 to size / 2.
   * @param frame at most `size` values; the rest counts as 0
   * @param into size / 2 + 1 values
   */
  of(frame: ArrayLike<number>, into = new Float64Array(this.size / 2 + 1)): Float64Array {
    const { re, im, reversed, size } = this;
    for (let i = 0; i < size; i++) {
      const from = reversed[i]!;
      re[i] = from < frame.length ? frame[from]! : 0;
    }
    im.fill(0);
    this.transform();
    for (let k = 0; k <= size / 2; k++) into[k] = re[k]! ** 2 + im[k]! ** 2;
    return into;
  }

  /** In place, of values in bit-reversed order. */
  private transform(): void {
    const { re, im, cosines, sines, size } = this;
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const upper = start + k;
          const lower = upper + half;
          const c = cosines[k * stride]!;
          const s = sines[k * stride]!;
          const real = re[lower]! * c - im[lower]! * s;
          const imaginary = re[lower]! * s + im[lower]! * c;
          re[lower] = re[upper]! - real;
          im[lower] = im[upper]! - imaginary;
          re[upper]! += real;
          im[upper]! += imaginary;
        }
      }
    }
  }
}

/** For each place, the place whose index has the bits in reverse order. */
function bitReversal(size: number): Uint32Array {
  const reversed = new Uint32Array(size);
  for (let i = 1; i < size; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? size >> 1 : 0);
  return reversed;
}
