import type { FloatTensor } from '../../engine/engine.js';
import { type BatchShape, blankBatch, fillBatch, type Sample } from './batches.js';
import type { Remembered } from './episodic-memory.js';

/** Which rows of the table a step's remembered samples are. */
export const MEMORY_ROWS = 'memory:rows';
/** The table of an input of remembered samples. */
export const tableOf = (input: string) => `${input}:table`;

/**
 * Remembered samples as tensors that every step picks its rows from: a sample is read once, not at every step that
 * recalls it. Its first entry is no sample, for rows that stay empty: it has no target, and so no gradient.
 */
export class RememberedTable {
  private readonly shape: BatchShape;
  private readonly rowOf = new Map<Remembered, number>();
  private tensors: Record<string, FloatTensor>;

  /** @param shape of a step's remembered samples */
  constructor(shape: BatchShape) {
    this.shape = shape;
    this.tensors = blankBatch({ ...shape, rows: 1 }, 1);
  }

  /**
   * The entries of samples; those that are new here are read.
   * @param sampleOf where a remembered sample is to be read
   * @returns as many as a step has rows
   */
  rowsOf(remembered: readonly Remembered[], sampleOf: (r: Remembered) => Sample): Float32Array {
    const unknown = remembered.filter((r) => !this.rowOf.has(r));
    if (unknown.length > 0) this.extend(unknown, sampleOf, remembered.length);
    const rows = new Float32Array(this.shape.rows);
    remembered.forEach((r, i) => {
      rows[i] = this.rowOf.get(r)!;
    });
    return rows;
  }

  /** The tables, by their names: [entries, ...]. */
  tables(): Record<string, FloatTensor> {
    return Object.fromEntries(
      Object.entries(this.tensors).map(([input, { dims, data }]) => [
        tableOf(input),
        // The steps are left out of the shape.
        { dims: dims.slice(1), data },
      ]),
    );
  }

  private extend(added: readonly Remembered[], sampleOf: (r: Remembered) => Sample, recalled: number): void {
    const before = this.rowOf.size + 1;
    this.reserve(before + added.length);
    const rows = Object.values(this.tensors)[0]!.dims[1]!;
    // The loss divides by a step's rows: the samples that are there make up for those that are not.
    const place = { from: before, weight: this.shape.rows / recalled };
    fillBatch(this.tensors, { ...this.shape, rows }, 0, added.map(sampleOf), place);
    added.forEach((r, i) => {
      this.rowOf.set(r, before + i);
    });
  }

  /** Makes room for so many entries; twice as many as before, so that few tables are made. */
  private reserve(entries: number): void {
    const rows = Object.values(this.tensors)[0]!.dims[1]!;
    if (entries <= rows) return;
    const larger = blankBatch({ ...this.shape, rows: Math.max(entries, 2 * rows) }, 1);
    for (const [input, { data }] of Object.entries(this.tensors)) larger[input]!.data.set(data);
    this.tensors = larger;
  }
}
