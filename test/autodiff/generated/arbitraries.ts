import fc from 'fast-check';
import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { type Attribute, floats, sizeOf, string } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import type { Checked } from '../numeric.js';

/** Cases of one operator, drawn at random. */
export type Cases = fc.Arbitrary<Checked>;

/** Cases from drawn settings, which are what a failure shows. */
export const cases = <T>(settings: fc.Arbitrary<T>, make: (settings: T) => Checked): Cases =>
  settings.map((s) => ({ ...make(s), [fc.toStringMethod]: () => JSON.stringify(s) }));

export const size = (max = 3) => fc.integer({ min: 1, max });

/** A shape of few elements. */
export const shape = (minLength = 0, maxLength = 4, max = 3) =>
  fc.array(size(max), { minLength, maxLength }).filter((s) => sizeOf(s) <= 36);

/** Shapes that broadcast to one another; the first is the widest where `first` says so. */
export const broadcasting = (count: number, first = false) =>
  shape(0, 3).chain((wide) =>
    fc
      .array(
        fc.record({
          drop: fc.nat(wide.length),
          ones: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
        }),
        {
          minLength: count,
          maxLength: count,
        },
      )
      .map((narrow) =>
        narrow.map(({ drop, ones }, i) =>
          first && i === 0 ? wide : wide.slice(drop).map((d, k) => (ones[k] ? 1 : d)),
        ),
      ),
  );

/** An axis of a shape, counted from either end. */
export const axisOf = (rank: number) => fc.integer({ min: -rank, max: rank - 1 });

/** Several axes of a shape, each once, counted from either end, in any order. */
export const axesOf = (rank: number, minLength = 0) =>
  fc
    .shuffledSubarray(
      Array.from({ length: rank }, (_, i) => i),
      { minLength },
    )
    .chain((axes) =>
      fc
        .array(fc.boolean(), { minLength: axes.length, maxLength: axes.length })
        .map((back) => axes.map((a, i) => (back[i] ? a - rank : a))),
    );

/** Hardly more than constants, no two of which are near: no step of the differences changes which is the largest. */
export function apart(b: GraphBuilder, x: string, offset = 0): string {
  const dims = b.shape(x);
  const order = new Random(3).shuffle(Array.from({ length: sizeOf(dims) }, (_, i) => i));
  const far = floats(
    order.map((k) => k * 0.5 + offset),
    dims,
  );
  return b.op('Add', [b.op('Mul', [x, b.scalar(0.01)]), b.constant(far)]);
}

/** A constant of random values. */
export function constant(b: GraphBuilder, dims: readonly number[], seed = 7): string {
  const random = new Random(seed);
  return b.constant(
    floats(
      Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
      dims,
    ),
  );
}

/** How a window lies on one spatial axis. */
export const windowAxis = (maxSize = 6) =>
  fc.record({
    size: fc.integer({ min: 1, max: maxSize }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.nat(2),
    after: fc.nat(2),
  });
export type WindowAxis = typeof windowAxis extends () => fc.Arbitrary<infer T> ? T : never;

/** One or two spatial axes; seldom three. */
export const windowAxes = (maxSize = 6) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.array(windowAxis(maxSize), { minLength: 1, maxLength: 1 }) },
    { weight: 6, arbitrary: fc.array(windowAxis(maxSize), { minLength: 2, maxLength: 2 }) },
    { weight: 1, arbitrary: fc.array(windowAxis(3), { minLength: 3, maxLength: 3 }) },
  );

export const autoPad = fc.constantFrom('NOTSET', 'NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID');

/** The attributes that windows share. Pads are given only where they are not made by themselves. */
export function windowAttributes(axes: readonly WindowAxis[], auto: string): Record<string, Attribute> {
  const of = (f: (a: WindowAxis) => number): Attribute => ({ kind: 'ints', value: axes.map(f) });
  const pads: Attribute = {
    kind: 'ints',
    value: [...axes.map((a) => a.before), ...axes.map((a) => a.after)],
  };
  return {
    kernel_shape: of((a) => a.kernel),
    strides: of((a) => a.stride),
    dilations: of((a) => a.dilation),
    ...(auto === 'NOTSET' ? { pads } : { auto_pad: string(auto) }),
  };
}

/** Whether a kernel fits what its pads make of the input. */
export const fits = (axes: readonly WindowAxis[], auto: string) =>
  axes.every((a) => {
    const pads = auto === 'NOTSET' ? a.before + a.after : 0;
    return auto.startsWith('SAME') || a.size + pads >= (a.kernel - 1) * a.dilation + 1;
  });
