import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { fromHalf, toHalf } from '../../onnx/float16.js';
import type { Head } from '../adapter.js';
import type { Rows } from '../network.js';
import { cholesky, solve } from './linear.js';
import { columnProducts } from './products.js';
import { WhitenedClasses } from './whitened.js';

const MAGIC = Buffer.from('LICHEND1');
/** Used until held-out samples have chosen better ones; see docs/benchmarks.md. */
const DEFAULT_SHRINKAGE = 0.2;
const DEFAULT_TEMPERATURE = 3;

interface Header {
  classes: string[];
  counts: number[];
  blocks: number[];
  shrinkage: number;
  temperature: number;
}

/** Samples that are taken in at once. */
const PORTION = 1024;

/** What a new covariance was factorized from, kept so that a new mean is worth something at once. */
interface Factor {
  /** Cholesky factor of the shrunken covariance, [width, width]. */
  lower: Float64Array;
  /** What each feature is multiplied by before. */
  scales: Float64Array;
  samples: number;
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
  temperature = DEFAULT_TEMPERATURE;
  private readonly means: Float64Array[] = [];
  /** Sum of outer products about the class means: lower triangle, row by row. */
  private readonly scatter: Float32Array;
  private factor: Factor | undefined;

  /** @param blocks widths of the summary's blocks */
  constructor(blocks: readonly number[]) {
    this.blocks = blocks;
    this.width = blocks.reduce((a, b) => a + b, 0);
    this.scatter = new Float32Array((this.width * (this.width + 1)) / 2);
  }

  /** Samples taken in. */
  get samples(): number {
    return this.counts.reduce((a, b) => a + b, 0);
  }

  /** Takes in one sample; a class that is new is added. */
  add(summary: Float32Array, label: string): void {
    const { apart, weight } = this.move(summary, label);
    if (weight === 0) return;
    let at = 0;
    for (let i = 0; i < this.width; i++) {
      const a = weight * apart[i]!;
      for (let j = 0; j <= i; j++) this.scatter[at++]! += a * apart[j]!;
    }
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
      const products = await columnProducts(engine, scaled, count, width);
      let at = 0;
      for (let i = 0; i < width; i++) {
        for (let j = 0; j <= i; j++) this.scatter[at++]! += products[i * width + j]!;
      }
    }
  }

  /** Moves a class's mean by one sample, and returns what the scatter grows by: weight * apart apart'. */
  private move(summary: Float32Array, label: string): { apart: Float64Array; weight: number } {
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
   *   which takes milliseconds in place of most of a second
   * @throws LichenError `learn-no-samples` with fewer than two samples or no class
   */
  async head(exact = true): Promise<Head> {
    this.requireSamples();
    if (exact || !this.factor) this.factor = await this.factorize();
    const { lower, scales } = this.factor;
    const width = this.width;
    const weight = new Float32Array(this.classes.length * width);
    const bias = new Float32Array(this.classes.length);
    this.means.forEach((mean, c) => {
      const x = mean.map((v, k) => v * scales[k]!);
      const scaled = x.slice();
      solve(lower, width, x);
      let quadratic = 0;
      for (let k = 0; k < width; k++) {
        quadratic += x[k]! * scaled[k]!;
        weight[c * width + k] = (x[k]! * scales[k]!) / this.temperature;
      }
      bias[c] = -quadratic / 2 / this.temperature;
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
   * The classes in the space where their covariance is the unit matrix.
   * @throws LichenError `learn-no-samples` with fewer than two samples
   */
  async whitened(): Promise<WhitenedClasses> {
    this.requireSamples();
    this.factor ??= await this.factorize();
    const { lower, scales } = this.factor;
    return new WhitenedClasses(this.classes, this.means, lower, scales);
  }

  /** Frees the factorization; the next answer makes it anew. */
  release(): void {
    this.factor = undefined;
  }

  /** How many samples came since the covariance was factorized. */
  get unfactored(): number {
    return this.samples - (this.factor?.samples ?? 0);
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
      merged.shrinkage = first.shrinkage;
    }
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

  /** The state as bytes, for the store. */
  encode(): Uint8Array {
    const { classes, counts, shrinkage, temperature } = this;
    const header: Header = { classes, counts, blocks: [...this.blocks], shrinkage, temperature };
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    const start = 12 + json.length;
    const values = this.classes.length * this.width + this.scatter.length;
    const bytes = new Uint8Array(start + 4 * values);
    bytes.set(Buffer.concat([MAGIC, length, json]));
    let at = start;
    for (const part of [...this.means.map((m) => Float32Array.from(m)), this.scatter]) {
      bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
      at += part.byteLength;
    }
    return bytes;
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
    made.temperature = header.temperature;
    return made;
  }

  private requireSamples(): void {
    if (this.samples < 2 || this.classes.length === 0) {
      throw new LichenError('learn-no-samples', 'an answer needs at least two labelled samples');
    }
  }

  private async factorize(): Promise<Factor> {
    const width = this.width;
    const samples = this.samples;
    const scales = new Float64Array(width);
    let from = 0;
    for (const block of this.blocks) {
      let trace = 0;
      for (let k = from; k < from + block; k++) trace += this.scatter[(k * (k + 3)) / 2]!;
      scales.fill(trace > 0 ? 1 / Math.sqrt(trace / block / samples) : 1, from, from + block);
      from += block;
    }
    const lower = new Float64Array(width * width);
    const share = (1 - this.shrinkage) / samples;
    let trace = 0;
    let at = 0;
    for (let i = 0; i < width; i++) {
      for (let j = 0; j <= i; j++)
        lower[i * width + j] = share * this.scatter[at++]! * scales[i]! * scales[j]!;
      trace += lower[i * width + i]! / share / samples;
    }
    // With one sample a class there is no scatter yet: the nearest mean answers.
    const ridge = trace > 0 ? (this.shrinkage * trace) / width : 1;
    for (let i = 0; i < width; i++) lower[i * width + i]! += ridge;
    await cholesky(lower, width);
    return { lower, scales, samples };
  }
}
