import fc from 'fast-check';
import { type Attribute, float, int, ints } from '../../../src/onnx/model.js';
import type { Checked } from '../numeric.js';
import { apart, axesOf, axisOf, type Cases, cases, shape, size } from './arbitraries.js';

const reduction = shape(1).chain((dims) =>
  fc.record({
    dims: fc.constant(dims),
    axes: fc.option(axesOf(dims.length, 1)),
    keep: fc.nat(1),
    twice: fc.boolean(),
  }),
);

/** A reduction over some axes or all; in the build set only ReduceSum has them as an input. */
const reduced = (op: string, options: Partial<Checked> = {}, far = false): Cases =>
  cases(reduction, ({ dims, axes, keep, twice }) => ({
    shapes: [dims],
    build: (b, [x]) => {
      const once = far ? apart(b, x!) : x!;
      // Of largest elements that are equal for ever the slopes add up to one.
      const input = twice ? b.op('Concat', [once, once], { axis: int(0) }) : once;
      const keepdims = int(keep);
      if (!axes) return b.op(op, [input], { keepdims });
      if (op === 'ReduceSum') return b.op(op, [input, b.ints(...axes)], { keepdims });
      return b.op(op, [input], { keepdims, axes: ints(axes) });
    },
    ...options,
  }));

const alongAxis = (op: string): Cases =>
  cases(
    shape(1).chain((dims) => fc.tuple(fc.constant(dims), fc.option(axisOf(dims.length)))),
    ([dims, axis]) => ({
      shapes: [dims],
      build: (b, [x]) => b.op(op, [x!], axis === null ? {} : { axis: int(axis) }),
    }),
  );

export const reduce: Record<string, Cases> = {
  ReduceSum: fc.oneof(
    { weight: 9, arbitrary: reduced('ReduceSum') },
    // No axes, and the wish that they then do nothing.
    {
      weight: 1,
      arbitrary: cases(shape(1), (dims) => ({
        shapes: [dims],
        build: (b, [x]) => b.op('ReduceSum', [x!, b.ints()], { noop_with_empty_axes: int(1) }),
      })),
    },
  ),
  ReduceMean: reduced('ReduceMean'),
  ReduceMax: reduced('ReduceMax', {}, true),
  ReduceMin: reduced('ReduceMin', {}, true),
  ReduceL1: reduced('ReduceL1', { kinks: [0] }),
  ReduceL2: reduced('ReduceL2', { low: 0.5 }),
  ReduceSumSquare: reduced('ReduceSumSquare'),
  ReduceLogSumExp: reduced('ReduceLogSumExp'),
  Softmax: alongAxis('Softmax'),
  LogSoftmax: alongAxis('LogSoftmax'),
};

const epsilon = fc.constantFrom(undefined, 1e-6, 0.1);
const attribute = (e: number | undefined): Record<string, Attribute> =>
  e === undefined ? {} : { epsilon: float(e) };

/**
 * Rows of two or three elements that are far apart: where they are close, the slopes of a normalization are too
 * steep for differences.
 */
const image = fc.record({
  lead: fc.tuple(size(2), size(3)),
  spatial: fc.constantFrom([4], [2, 3], [3, 2], [2, 1, 2]),
  e: epsilon,
});

export const normalization: Record<string, Cases> = {
  LayerNormalization: cases(
    fc
      .tuple(
        shape(0, 2),
        fc.constantFrom<number[]>([3], [4], [2, 3], [3, 1, 2]),
        fc.boolean(),
        epsilon,
        fc.constantFrom(0, 1, 2),
      )
      .map(([lead, dims, back, e, affine]) => ({ lead, dims, back, e, affine })),
    ({ lead, dims, back, e, affine }) => ({
      shapes: [[...lead, ...dims], ...[dims, dims].slice(0, affine)],
      build: (b, [x, weight, bias]) => {
        const axis = back ? -dims.length : lead.length;
        const ones = weight ?? b.op('Expand', [b.scalar(1.5), b.ints(...dims)]);
        const inputs = [spaced(b, x!), ones, ...(bias ? [bias] : [])];
        return b.op('LayerNormalization', inputs, { axis: int(axis), ...attribute(e) });
      },
    }),
  ),
  InstanceNormalization: cases(image, ({ lead, spatial, e }) => ({
    shapes: [[...lead, ...spatial], [lead[1]], [lead[1]]],
    build: (b, [x, ...affine]) => b.op('InstanceNormalization', [spaced(b, x!), ...affine], attribute(e)),
  })),
  BatchNormalization: cases(
    fc.record({ channels: size(3), batch: size(2), spatial: shape(0, 3), e: epsilon }),
    ({ channels, batch, spatial, e }) => ({
      shapes: [[batch, channels, ...spatial], ...Array.from({ length: 4 }, () => [channels])],
      build: (b, [x, weight, bias, center, variance]) => {
        const positive = b.op('Add', [b.op('Mul', [variance!, variance!]), b.scalar(0.5)]);
        return b.op('BatchNormalization', [x!, weight!, bias!, center!, positive], attribute(e));
      },
    }),
  ),
};

/** Adds to every element of a tensor what keeps it away from its neighbours. */
function spaced(b: Parameters<Checked['build']>[0], x: string): string {
  return b.op('Add', [b.op('Mul', [x, b.scalar(0.5)]), b.op('Mul', [apart(b, x), b.scalar(2)])]);
}
