import type { GraphBuilder } from '../onnx/builder.js';
import { ints } from '../onnx/model.js';
import { add, div, mul, sub } from './rule.js';

/** Adds nodes that map a parameter's new value to another one; returns its name. */
export type Proximal = (b: GraphBuilder, value: string) => string;

/**
 * The proximal step of `threshold` times the l1 norm: every value moves by the threshold towards zero and stays at
 * exactly zero where it would pass it (soft thresholding; Parikh & Boyd 2014, section 6.5.2).
 */
export const softThreshold =
  (threshold: number): Proximal =>
  (b, value) =>
    sub(b, value, b.op('Clip', [value, b.scalar(-threshold), b.scalar(threshold)]));

/**
 * The proximal step of `threshold` times the sum of the rows' l2 norms: every row of a matrix becomes shorter by the
 * threshold, or exactly zero (group lasso; Parikh & Boyd 2014, section 6.5.4).
 * @param rows which rows are groups, 1 or 0 for each; all where it is not given
 */
export const groupThreshold =
  (threshold: number, rows?: Float32Array): Proximal =>
  (b, value) => {
    const length = b.op('ReduceL2', [value], { axes: ints([1]) });
    const kept = b.op('Relu', [sub(b, length, b.scalar(threshold))]);
    const factor = div(b, kept, b.op('Max', [length, b.scalar(threshold)]));
    if (!rows) return mul(b, value, factor);
    // Rows that are no groups keep the factor 1.
    const group = b.constant({ type: 1, dims: [rows.length, 1], data: rows });
    const others = b.constant({ type: 1, dims: [rows.length, 1], data: rows.map((r) => 1 - r) });
    return mul(b, value, add(b, mul(b, factor, group), others));
  };

/** One proximal step after the other. */
export const inTurn =
  (...steps: readonly Proximal[]): Proximal =>
  (b, value) =>
    steps.reduce((v, step) => step(b, v), value);
