import fc from 'fast-check';
import { type Attribute, ElementType, floats, int, ints, sizeOf, string } from '../../../src/onnx/model.js';
import { axesOf, axisOf, type Cases, cases, shape, size } from './arbitraries.js';

const dimsAnd = <T>(more: (dims: number[]) => fc.Arbitrary<T>, minLength = 1) =>
  shape(minLength).chain((dims) => fc.tuple(fc.constant(dims), more(dims)));

const permutation = (dims: number[]) =>
  fc.option(fc.shuffledSubarray([...dims.keys()], { minLength: dims.length, maxLength: dims.length }));

/** Parts of one axis, and which of them the loss depends on. */
const splitting = dimsAnd((dims) =>
  fc.record({
    axis: axisOf(dims.length),
    sizes: fc.array(size(3), { minLength: 1, maxLength: 4 }),
    used: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    even: fc.boolean(),
  }),
);

export const shapes: Record<string, Cases> = {
  Reshape: cases(
    shape().chain((dims) =>
      fc.tuple(fc.constant(dims), fc.shuffledSubarray(dims, { minLength: dims.length }), fc.nat(3)),
    ),
    ([dims, other, form]) => ({
      shapes: [dims],
      build: (b, [x]) => {
        const forms = [other, [-1], [1, ...other, -1], dims.map((_, i) => (i === dims.length - 1 ? -1 : 0))];
        return b.op('Reshape', [x!, b.ints(...forms[form]!)]);
      },
    }),
  ),
  Flatten: cases(
    dimsAnd((dims) => fc.option(fc.integer({ min: -dims.length, max: dims.length }))),
    ([dims, axis]) => ({
      shapes: [dims],
      build: (b, [x]) => b.op('Flatten', [x!], axis === null ? {} : { axis: int(axis) }),
    }),
  ),
  Squeeze: cases(
    dimsAnd((dims) => fc.option(axesOf(dims.length))),
    ([dims, axes]) => {
      const ones = dims.map((d, i) => (axes?.some((a) => (a + dims.length) % dims.length === i) ? 1 : d));
      return {
        shapes: [ones],
        build: (b, [x]) => b.op('Squeeze', axes?.length ? [x!, b.ints(...axes)] : [x!]),
      };
    },
  ),
  Unsqueeze: cases(
    shape(0, 3).chain((dims) => fc.tuple(fc.constant(dims), axesOf(dims.length + 2))),
    ([dims, axes]) => ({
      shapes: [dims],
      build: (b, [x]) => {
        const rank = dims.length + axes.length;
        const fitting = [...new Set(axes.map((a) => ((a + dims.length + 2) % (dims.length + 2)) % rank))];
        return b.op('Unsqueeze', [x!, b.ints(...(fitting.length ? fitting : [0]))]);
      },
    }),
  ),
  Expand: cases(
    dimsAnd(() => fc.tuple(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), shape(0, 2)), 0),
    ([dims, [ones, lead]]) => ({
      shapes: [dims.map((d, i) => (ones[i] ? 1 : d))],
      build: (b, [x]) => b.op('Expand', [x!, b.ints(...lead, ...dims)]),
    }),
  ),
  Transpose: cases(dimsAnd(permutation), ([dims, perm]) => ({
    shapes: [dims],
    build: (b, [x]) => b.op('Transpose', [x!], perm ? { perm: ints(perm) } : {}),
  })),
  Concat: cases(
    dimsAnd((dims) =>
      fc.record({
        axis: axisOf(dims.length),
        sizes: fc.array(size(3), { minLength: 1, maxLength: 3 }),
        twice: fc.boolean(),
      }),
    ),
    ([dims, { axis, sizes, twice }]) => ({
      shapes: sizes.map((s) => dims.with(axis, s)),
      build: (b, x) => b.op('Concat', twice ? [...x, b.op('Tanh', [x[0]!]), x[0]!] : x, { axis: int(axis) }),
    }),
  ),
  Split: cases(splitting, ([dims, { axis, sizes, used, even }]) => ({
    shapes: [dims.with(axis, even ? sizes[0]! * sizes.length : sizes.reduce((a, b) => a + b, 0))],
    build: (b, [x]) => {
      const outputs = sizes.map((_, i) => `part${i}`);
      const inputs = even ? [x!] : [x!, b.ints(...sizes)];
      b.add({ op: 'Split', domain: '', name: '', inputs, outputs, attributes: { axis: int(axis) } });
      const parts = outputs.filter((_, i) => used[i]).map((part) => b.op('Reshape', [part, b.ints(-1)]));
      // Nothing used would be nothing to check: then it is the last part.
      const last = () => b.op('Reshape', [outputs.at(-1)!, b.ints(-1)]);
      return b.op('Concat', parts.length > 0 ? parts : [last()], { axis: int(0) });
    },
  })),
  DepthToSpace: cases(
    fc.tuple(size(2), size(2), size(2), size(2), fc.constantFrom('DCR', 'CRD')),
    ([n, c, h, w, mode]) => ({
      shapes: [[n, c * 4, h, w]],
      build: (b, [x]) => b.op('DepthToSpace', [x!], { blocksize: int(2), mode: string(mode) }),
    }),
  ),
  SpaceToDepth: cases(fc.tuple(size(2), size(2), size(2), size(2)), ([n, c, h, w]) => ({
    shapes: [[n, c, 2 * h, 2 * w]],
    build: (b, [x]) => b.op('SpaceToDepth', [x!], { blocksize: int(2) }),
  })),
};

/** A Slice's bounds and step on one axis, clamped or not; never an empty one. */
const slice = fc
  .record({
    size: size(5),
    start: fc.integer({ min: -7, max: 7 }),
    end: fc.integer({ min: -7, max: 9 }),
    step: fc.constantFrom(-3, -2, -1, 1, 1, 1, 2, 3, 4),
  })
  .filter(({ size: d, start, end, step }) => {
    const from = start < 0 ? start + d : start;
    const to = end < 0 ? end + d : end;
    return step > 0
      ? Math.min(to, d) > Math.max(from, 0) && from < d
      : Math.min(from, d - 1) > Math.max(to, -1) && from >= 0;
  });

const padding = shape(1, 3, 4).chain((dims) =>
  fc.record({
    dims: fc.constant(dims),
    pads: fc.array(fc.tuple(fc.integer({ min: -1, max: 3 }), fc.integer({ min: -1, max: 3 })), {
      minLength: dims.length,
      maxLength: dims.length,
    }),
    mode: fc.constantFrom('constant', 'constant', 'edge', 'reflect'),
    value: fc.boolean(),
  }),
);

const coordinates = fc.constantFrom('half_pixel', 'pytorch_half_pixel', 'asymmetric', 'align_corners');
const resizing = fc.record({
  spatial: fc.array(fc.record({ size: size(4), to: size(7), scale: fc.constantFrom(0.5, 1, 1.5, 2, 3) }), {
    minLength: 1,
    maxLength: 2,
  }),
  channels: size(2),
  coordinates,
  rounding: fc.constantFrom('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'),
  mode: fc.constantFrom('nearest', 'linear'),
  bySizes: fc.boolean(),
});

export const resample: Record<string, Cases> = {
  Gather: cases(
    dimsAnd((dims) =>
      fc.record({
        axis: axisOf(dims.length),
        at: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 5 }),
        scalar: fc.boolean(),
        pattern: fc.constantFrom('any', 'any', 'run', 'repeated', 'tiled'),
      }),
    ),
    ([dims, { axis, at, scalar, pattern }]) => ({
      shapes: [dims],
      build: (b, [x]) => {
        const d = dims.at(axis)!;
        const clamped = at.map((i) => Math.max(-d, Math.min(i, d - 1)));
        const all = [...Array(d).keys()];
        const patterns: Record<string, number[]> = {
          any: clamped,
          run: all.slice(0, at.length),
          repeated: all.flatMap((i) => [i, i]),
          tiled: [...all, ...all],
        };
        const chosen = patterns[pattern]!;
        const index = (values: number[], to: number[]) =>
          b.constant({ type: ElementType.int64, dims: to, data: BigInt64Array.from(values.map(BigInt)) });
        const indices = scalar ? index(chosen.slice(0, 1), []) : index(chosen, [1, chosen.length]);
        return b.op('Gather', [x!, indices], { axis: int(axis) });
      },
    }),
  ),
  Slice: cases(fc.array(slice, { minLength: 1, maxLength: 2 }), (axes) => ({
    shapes: [axes.map((a) => a.size)],
    build: (b, [x]) =>
      b.op('Slice', [
        x!,
        b.ints(...axes.map((a) => a.start)),
        b.ints(...axes.map((a) => a.end)),
        b.ints(...axes.map((_, i) => i)),
        b.ints(...axes.map((a) => a.step)),
      ]),
  })),
  Pad: cases(padding, ({ dims, pads, mode, value }) => {
    // What is cut off must leave something; a reflection is at most as wide as what it reflects.
    const fitted = pads.map(([p, q], i) => {
      const d = dims[i]!;
      const [lo, hi] = [mode === 'constant' && d > 2 ? -1 : 0, mode === 'reflect' ? d - 1 : 3];
      const within = (v: number) => Math.max(lo, Math.min(v, hi));
      return [within(p), within(q)] as const;
    });
    const attributes: Record<string, Attribute> = { mode: string(mode) };
    return {
      shapes: [dims],
      build: (b, [x]) => {
        const by = b.ints(...fitted.map(([p]) => p), ...fitted.map(([, q]) => q));
        return b.op('Pad', [x!, by, ...(value && mode === 'constant' ? [b.scalar(3)] : [])], attributes);
      },
    };
  }),
  Tile: cases(
    dimsAnd((dims) => fc.array(size(3), { minLength: dims.length, maxLength: dims.length })),
    ([dims, times]) => ({ shapes: [dims], build: (b, [x]) => b.op('Tile', [x!, b.ints(...times)]) }),
  ),
  Resize: cases(
    resizing.filter(
      ({ spatial, channels }) => channels * sizeOf(spatial.map((s) => s.size * Math.max(s.to, 3))) <= 300,
    ),
    ({ spatial, channels, coordinates: how, rounding, mode, bySizes }) => ({
      shapes: [[1, channels, ...spatial.map((s) => s.size)]],
      build: (b, [x]) => {
        const scales = spatial.map((s) => Math.max(s.scale, 1 / s.size));
        const inputs = bySizes
          ? [x!, '', '', b.ints(1, channels, ...spatial.map((s) => s.to))]
          : [x!, '', b.constant(floats([1, 1, ...scales], [2 + spatial.length]))];
        return b.op('Resize', inputs, {
          mode: string(mode),
          coordinate_transformation_mode: string(how),
          nearest_mode: string(rounding),
        });
      },
    }),
  ),
};
