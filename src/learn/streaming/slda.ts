import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { fromHalf, toHalf } from '../../onnx/float16.js';
import type { Head } from '../adapter.js';
import type { Rows } from '../network.js';
import { presumedTemperature } from '../temperature.js';
import { type CovarianceFactor, factorizeCovariance } from './covariance.js';
import { rowStart } from './linear.js';
import { addColumnProducts } from './products.js';
import { WhitenedClasses, Whitening } from './whitened.js';

const MAGIC = Buffer.from('LICHEND1');
/** Used until held-out samples have chosen a better one; see docs/benchmarks.md. */
const DEFAULT_SHRINKAGE = 0.2;

interface Header {
  classes: string[];
  counts: number[];
  blocks: number[];
  shrinkage: number;
  /** Left out by older programs, which had one temperature for any number of samples. */
  temperatureScale?: number;
}

/** Samples that are taken in at once. */
const PORTION = 1024;
/** Values of a state that are handed over at once. */
const PIECE = 1 << 16;
/** Share of new samples up to which the covariance before them will do. */
const FEW_NEW = 0.1;
/** Fewer samples say little of a covariance: until it was factorized, an answer in a hurry goes without. */
export const FEW_SAMPLES = 50;

/** What a new covariance was factorized from, kept so that a new mean is worth something at once. */
interface Factor {
  /** Of the shrunken covariance; left out where it is the unit matrix. */
  covariance?: CovarianceFactor;
  /** What each feature is multiplied by before. */
  scales: Float64Array;
  /** The same for samples. */
  whitening: Whitening;
  /** How much had been taken in and out by then; 0 for the unit matrix. */
  changes: number;
  shrinkage?: number;
}

/**
 * Streaming linear discriminant analysis (Hayes & Kanan 2020): a running mean per class and one running
 * covariance within classes. A sample costs one rank-one update and is then forgotten. The answer is the same
 * closed form as `Discriminant`'s, block scales included.
 */
export class StreamingDiscriminant {
  readonly classes: string[] = [];
  readonly counts: number[] = [];
  readonly blocks: readonly number[];
  readonly width: number;
  shrinkage = DEFAULT_SHRINKAGE;
  /** What the temperature that is presumed for so many samples is multiplied by; held-out samples choose it. */
  temperatureScale = 1;
  private readonly means: Float64Array[] = [];
  /** Sum of outer products about the class means: lower triangle, row by row. */
  private readonly scatter: Float32Array;
  /** Samples taken in and out, in all. */
  private changes = 0;
  private factor: Factor | undefined;
  private factorizing: Promise<Factor> | undefined;

  /** @param blocks widths of the summary's blocks */
  constructor(blocks: readonly number[]) {
    this.blocks = blocks;
    this.width = blocks.reduce((a, b) => a + b, 0);
    this.scatter = new Float32Array(rowStart(this.width));
  }

  /** Samples taken in. */
  get samples(): number {
    return this.counts.reduce((a, b) => a + b, 0);
  }

  /** What logits are divided by, as of the samples that it has now and by their covariance. */
  get temperature(): number {
    return this.temperatureOf(true);
  }

  private temperatureOf(covariance: boolean): number {
    return this.temperatureScale * presumedTemperature(this.width, this.samples, covariance);
  }

  /** Takes over a temperature that was fitted for the samples that it has now; with more of them it falls. */
  calibrateTo(temperature: number): void {
    this.temperatureScale *= temperature / this.temperature;
  }

  /** Takes in one sample; a class that is new is added. */
  add(summary: Float32Array, label: string): void {
    const { apart, weight } = this.move(summary, label);
    if (weight > 0) this.grow(apart, weight);
  }

  /** Takes out a sample that was taken in, to rounding; a class without samples goes. */
  remove(summary: Float32Array, label: string): void {
    const c = this.classes.indexOf(label);
    if (c < 0) return;
    this.changes++;
    const n = this.counts[c]!--;
    if (n === 1) {
      for (const list of [this.classes, this.counts, this.means]) list.splice(c, 1);
      return;
    }
    const mean = this.means[c]!;
    const apart = Float64Array.from(mean, (m, k) => summary[k]! - m);
    for (let k = 0; k < this.width; k++) mean[k]! -= apart[k]! / (n - 1);
    this.grow(apart, -n / (n - 1));
  }

  /** Takes in many samples, as `add` does one by one, to rounding; the engine computes the products. */
  async addAll(engine: Engine, rows: Rows, labels: readonly string[]): Promise<void> {
    const { width } = this;
    for (let from = 0; from < rows.count; from += PORTION) {
      const count = Math.min(PORTION, rows.count - from);
      const scaled = new Float32Array(count * width);
      for (let i = 0; i < count; i++) {
        const row = rows.data.subarray((from + i) * width, (from + i + 1) * width);
        const { apart, weight } = this.move(row, labels[from + i]!);
        const root = Math.sqrt(weight);
        for (let k = 0; k < width; k++) scaled[i * width + k] = root * apart[k]!;
      }
      await addColumnProducts(engine, scaled, count, width, this.scatter);
    }
  }

  /** Adds the outer product of a deviation with itself to the scatter. */
  private grow(apart: Float64Array, weight: number): void {
    let at = 0;
    for (let i = 0; i < this.width; i++) {
      const a = weight * apart[i]!;
      for (let j = 0; j <= i; j++) this.scatter[at++]! += a * apart[j]!;
    }
  }

  /** Moves a class's mean by one sample, and returns what the scatter grows by: weight * apart apart'. */
  private move(summary: Float32Array, label: string): { apart: Float64Array; weight: number } {
    this.changes++;
    let c = this.classes.indexOf(label);
    if (c < 0) {
      c = this.classes.push(label) - 1;
      this.counts.push(0);
      this.means.push(new Float64Array(this.width));
    }
    const mean = this.means[c]!;
    const n = ++this.counts[c]!;
    const apart = new Float64Array(this.width);
    for (let k = 0; k < this.width; k++) {
      apart[k] = summary[k]! - mean[k]!;
      mean[k]! += apart[k]! / n;
    }
    // Welford's update for one class: the outer product of the deviation, times (n - 1) / n.
    return { apart, weight: (n - 1) / n };
  }

  /**
   * The head that answers by everything taken in so far.
   * @param exact false: where a covariance was factorized before, it is used again and only the means are new,
   *   which takes milliseconds in place of more than a second; of few samples the nearest mean answers meanwhile
   * @throws LichenError `learn-no-samples` with fewer than two samples or no class
   */
  async head(exact = true): Promise<Head> {
    const { covariance, scales } = await this.factorFor(exact);
    const temperature = this.temperatureOf(covariance !== undefined);
    const width = this.width;
    const weight = new Float32Array(this.classes.length * width);
    const bias = new Float32Array(this.classes.length);
    this.means.forEach((mean, c) => {
      const x = mean.map((v, k) => v * scales[k]!);
      const scaled = x.slice();
      covariance?.solve(x);
      let quadratic = 0;
      for (let k = 0; k < width; k++) {
        quadratic += x[k]! * scaled[k]!;
        weight[c * width + k] = (x[k]! * scales[k]!) / temperature;
      }
      bias[c] = -quadratic / 2 / temperature;
    });
    return {
      kind: 'discriminant',
      classes: [...this.classes],
      weight: fromHalf(toHalf(weight)),
      bias,
      features: width,
    };
  }

  /**
   * Factorizes the covariance, for whoever asks next.
   * @param exact as of `head`
   * @throws LichenError `learn-no-samples` with fewer than two samples
   */
  async factorized(exact = true): Promise<void> {
    await this.factorFor(exact);
  }

  /**
   * The classes in the space where their covariance is the unit matrix.
   * @param exact as of `head`
   * @throws LichenError `learn-no-samples` with fewer than two samples
   */
  async whitened(exact = true): Promise<WhitenedClasses> {
    const { whitening } = await this.factorFor(exact);
    return new WhitenedClasses(this.classes, this.means, whitening);
  }

  /**
   * The classes in the space that can be had without waiting: by the covariance that was factorized last, or where there is
   * none yet by features of equal weight. One sample is enough for it.
   */
  whitenedNow(): WhitenedClasses {
    const { whitening } = this.factor ?? this.unitFactor();
    return new WhitenedClasses(this.classes, this.means, whitening);
  }

  /** By the covariance that was factorized last; undefined where none was. */
  get whitening(): Whitening | undefined {
    return this.factor?.whitening;
  }

  /** The classes as they are now, in the space of others whose covariance is much like theirs. */
  whitenedAs({ whitening }: WhitenedClasses): WhitenedClasses {
    return new WhitenedClasses(this.classes, this.means, whitening);
  }

  /** Frees the factorization; the next answer makes it anew. */
  release(): void {
    this.factor = undefined;
  }

  /** How many samples came or went since the covariance was factorized. */
  get unfactored(): number {
    return this.changes - (this.factor?.changes ?? 0);
  }

  /** Whether so much is new that the covariance is to be factorized anew. */
  get isDue(): boolean {
    return this.unfactored > FEW_NEW * this.samples;
  }

  /**
   * One discriminant over the classes of several, with their covariances pooled: whose class answers is the
   * task that explains a sample best. Classes are named `<task>/<class>`.
   */
  static merge(parts: ReadonlyMap<string, StreamingDiscriminant>): StreamingDiscriminant {
    const [first] = parts.values();
    const merged = new StreamingDiscriminant(first?.blocks ?? []);
    // Of a single one the covariance is its own, and what was factorized of it serves both.
    if (parts.size === 1 && first) {
      merged.factor = first.factor;
      merged.changes = first.changes;
      merged.shrinkage = first.shrinkage;
    } else for (const part of parts.values()) merged.changes += part.changes;
    for (const [task, part] of parts) {
      part.classes.forEach((label, c) => {
        merged.classes.push(`${task}/${label}`);
        merged.counts.push(part.counts[c]!);
        merged.means.push(part.means[c]!.slice());
      });
      for (let i = 0; i < merged.scatter.length; i++) merged.scatter[i]! += part.scatter[i]!;
    }
    return merged;
  }

  /** The state as bytes, for the store; in pieces, since it is 8 MB for 2,048 features. */
  *encode(): Generator<Uint8Array> {
    const { classes, counts, shrinkage, temperatureScale } = this;
    const header: Header = { classes, counts, blocks: [...this.blocks], shrinkage, temperatureScale };
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    yield Buffer.concat([MAGIC, length, json]);
    for (const values of [...this.means, this.scatter]) {
      for (let from = 0; from < values.length; from += PIECE) {
        yield new Uint8Array(Float32Array.from(values.subarray(from, from + PIECE)).buffer);
      }
    }
  }

  /** @throws LichenError `discriminant-invalid` */
  static decode(bytes: Uint8Array): StreamingDiscriminant {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const invalid = () => new LichenError('discriminant-invalid', "the discriminant's state cannot be read");
    if (buffer.length < 12 || !buffer.subarray(0, 8).equals(MAGIC)) throw invalid();
    const start = 12 + buffer.readUInt32LE(8);
    let header: Header;
    try {
      header = JSON.parse(buffer.subarray(12, start).toString('utf8')) as Header;
    } catch {
      throw invalid();
    }
    const made = new StreamingDiscriminant(header.blocks);
    const floats = new Float32Array(new Uint8Array(buffer.subarray(start)).buffer);
    if (floats.length !== header.classes.length * made.width + made.scatter.length) throw invalid();
    header.classes.forEach((label, c) => {
      made.classes.push(label);
      made.counts.push(header.counts[c]!);
      made.means.push(Float64Array.from(floats.subarray(c * made.width, (c + 1) * made.width)));
    });
    made.scatter.set(floats.subarray(header.classes.length * made.width));
    made.shrinkage = header.shrinkage;
    made.temperatureScale = header.temperatureScale ?? 1;
    made.changes = made.samples;
    return made;
  }

  private requireSamples(): void {
    if (this.samples < 2 || this.classes.length === 0) {
      throw new LichenError('learn-no-samples', 'an answer needs at least two labelled samples');
    }
  }

  private async factorFor(exact: boolean): Promise<Factor> {
    this.requireSamples();
    const asItIs = this.unfactored === 0 && this.factor?.shrinkage === this.shrinkage;
    if (this.factor && (!exact || asItIs)) return this.factor;
    if (!exact && this.samples < FEW_SAMPLES) return this.unitFactor();
    // Whoever asks at the same time gets the same one.
    this.factorizing ??= this.factorize().finally(() => {
      this.factorizing = undefined;
    });
    this.factor = await this.factorizing;
    return this.factor;
  }

  /** With features of equal weight in place of a covariance, the nearest mean answers. */
  private unitFactor(): Factor {
    const scales = this.scales();
    return { scales, whitening: new Whitening(scales), changes: 0 };
  }

  /** What makes the variance within classes 1 in every block, on average. */
  private scales(): Float64Array {
    const scales = new Float64Array(this.width);
    let from = 0;
    for (const block of this.blocks) {
      let trace = 0;
      for (let k = from; k < from + block; k++) trace += this.scatter[rowStart(k) + k]!;
      scales.fill(trace > 0 ? 1 / Math.sqrt(trace / block / this.samples) : 1, from, from + block);
      from += block;
    }
    return scales;
  }

  private async factorize(): Promise<Factor> {
    const { samples, changes, shrinkage } = this;
    const scales = this.scales();
    const scatter = { lower: this.scatter, samples, rank: samples - this.classes.length };
    const covariance = await factorizeCovariance(scatter, scales, shrinkage);
    return { covariance, scales, whitening: new Whitening(scales, covariance), changes, shrinkage };
  }
}
