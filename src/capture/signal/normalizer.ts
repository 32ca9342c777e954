/** Standard deviations that a picture shows in either direction. */
const RANGE = 3;
/**
 * A band varies by this at least, as natural logarithm of power (4.3 dB): else the noise of a band that is always
 * silent would be blown up to the whole range.
 */
const MIN_DEVIATION = 1;

/**
 * What is usual for a sensor: mean and variance of each band, over the columns heard first (Welford, Technometrics
 * 4(3), 1962). After enough of them it stays as it is, so that a fault that stays is not taken for usual one day.
 */
export class Normalizer {
  private readonly bands: number;
  private readonly enough: number;
  private n = 0;
  private means: Float64Array;
  private squares: Float64Array;

  /** @param enough columns that are learned from */
  constructor(bands: number, enough: number) {
    this.bands = bands;
    this.enough = enough;
    this.means = new Float64Array(bands);
    this.squares = new Float64Array(bands);
  }

  /** Whether it has heard enough, and stays. */
  get settled(): boolean {
    return this.n >= this.enough;
  }

  /** Learns from columns, [columns x bands], until it has heard enough. */
  learn(columns: Float32Array): void {
    const { bands, means, squares } = this;
    for (let at = 0; at < columns.length && !this.settled; at += bands) {
      this.n += 1;
      for (let b = 0; b < bands; b++) {
        const value = columns[at + b]!;
        const off = value - means[b]!;
        means[b]! += off / this.n;
        squares[b]! += off * (value - means[b]!);
      }
    }
  }

  /** Grey values of columns: 128 is usual, three standard deviations are the whole range. */
  grey(columns: Float32Array): Uint8Array {
    const { bands, means, squares } = this;
    const scale = squares.map(
      (s) => 127 / (RANGE * Math.max(MIN_DEVIATION, Math.sqrt(s / Math.max(1, this.n - 1)))),
    );
    return Uint8Array.from(columns, (value, i) => {
      const b = i % bands;
      return Math.max(0, Math.min(255, Math.round(128 + (value - means[b]!) * scale[b]!)));
    });
  }

  /** What it has learned, as text. */
  save(): string {
    return JSON.stringify({ n: this.n, means: [...this.means], squares: [...this.squares] });
  }

  /** Goes on from what was saved; what is not of this many bands is left alone. */
  restore(text: string): void {
    const { n, means, squares } = JSON.parse(text) as { n: number; means: number[]; squares: number[] };
    if (means.length !== this.bands || squares.length !== this.bands) return;
    this.n = n;
    this.means = Float64Array.from(means);
    this.squares = Float64Array.from(squares);
  }
}
