import fc from 'fast-check';
import { patched } from '../../../src/autodiff/patches.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { inline } from '../../../src/onnx/inline.js';
import { type Attribute, int, ints, node, sizeOf } from '../../../src/onnx/model.js';
import {
  apart,
  autoPad,
  type Cases,
  cases,
  constant,
  fits,
  shape,
  size,
  type WindowAxis,
  windowAttributes,
  windowAxes,
} from './arbitraries.js';

/** Inputs and outputs of a group, and how many groups: dense, depthwise, with a multiplier, grouped. */
const channels = fc.constantFrom(
  [1, 1, 1],
  [2, 1, 1],
  [1, 2, 1],
  [2, 3, 1],
  [1, 1, 3],
  [1, 2, 2],
  [2, 1, 2],
  [2, 2, 2],
);

const layer = fc
  .record({
    axes: windowAxes(),
    auto: autoPad,
    channels,
    batch: size(2),
    bias: fc.boolean(),
    frozen: fc.boolean(),
  })
  .filter(({ axes, auto, channels: [i, o, g], batch }) => {
    const elements = batch * i! * g! * sizeOf(axes.map((a) => a.size));
    const weights = i! * o! * g! * sizeOf(axes.map((a) => a.kernel));
    // SAME with dilations is said differently by the standard and by runtimes, and exported by nobody.
    const clear = !auto.startsWith('SAME') || axes.every((a) => a.dilation === 1);
    return fits(axes, auto) && clear && elements + weights <= 200;
  });

/** A layer by a weight that is trained, with or without bias, or by a constant one. */
const weighted = (
  op: string,
  weight: (inPer: number, outPer: number, groups: number) => [number, number],
  attributesOf: (axes: WindowAxis[], auto: string) => Record<string, Attribute>,
) =>
  cases(layer, ({ axes, auto, channels: [inPer, outPer, groups], batch, bias, frozen }) => {
    const x = [batch, inPer! * groups!, ...axes.map((a) => a.size)];
    const w = [...weight(inPer!, outPer!, groups!), ...axes.map((a) => a.kernel)];
    const attributes = { ...attributesOf(axes, auto), group: int(groups!) };
    if (frozen) {
      return { shapes: [x], build: (b, [input]) => b.op(op, [input!, constant(b, w)], attributes) };
    }
    return {
      shapes: [x, w, ...(bias ? [[outPer! * groups!]] : [])],
      build: (b, inputs) => b.op(op, inputs, attributes),
    };
  });

/** Pads of a ConvTranspose cut off; the output must be left. */
function transposed(axes: WindowAxis[], auto: string): Record<string, Attribute> {
  const { pads: _, ...attributes } = windowAttributes(axes, auto);
  // With SAME, ONNX's shape inference and ONNX Runtime's kernel take output padding in different ways.
  const extra = axes.map((a) => (auto.startsWith('SAME') ? 0 : Math.min(a.after, a.stride - 1)));
  const room = axes.map((a, i) => a.stride * (a.size - 1) + extra[i]! + (a.kernel - 1) * a.dilation);
  const before = axes.map((a, i) => Math.min(a.before, room[i]!));
  const after = axes.map((a, i) => Math.min(a.after, room[i]! - before[i]!));
  return {
    ...attributes,
    ...(auto === 'NOTSET' && { pads: ints([...before, ...after]) }),
    output_padding: ints(extra),
  };
}

/**
 * Settings of a pool that ONNX Runtime is of one mind about: pads are smaller than the kernel, no window has
 * nothing of the input in it, and rounding up starts none behind it.
 */
const pool = (dilated: boolean) =>
  fc
    .record({ axes: windowAxes(5), auto: autoPad, lead: fc.tuple(size(2), size(2)), ceil: fc.boolean() })
    .map(({ axes, auto, ...rest }) => ({
      ...rest,
      auto,
      axes: axes.map((a) => ({
        ...a,
        dilation: dilated && auto === 'NOTSET' ? a.dilation : 1,
        before: Math.min(a.before, a.kernel - 1),
        after: Math.min(a.after, a.kernel - 1),
      })),
    }))
    .filter(({ axes, auto, lead, ceil }) => {
      const few = sizeOf(lead) * sizeOf(axes.map((a) => a.size)) <= 100;
      return few && fits(axes, auto) && axes.every((a) => meaningful(a, auto, ceil));
    });

function meaningful(a: WindowAxis, auto: string, ceil: boolean): boolean {
  // A stride wider than the kernel gives SAME a padding below zero, which runtimes read differently.
  if (auto.startsWith('SAME')) return a.kernel >= a.stride;
  const [before, after] = auto === 'NOTSET' ? [a.before, a.after] : [0, 0];
  const steps = (a.size + before + after - (a.kernel - 1) * a.dilation - 1) / a.stride;
  const starts = Array.from(
    { length: (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1 },
    (_, o) => o * a.stride - before,
  );
  const inside = (at: number) => at >= 0 && at < a.size;
  return starts.every(
    (s) => s < a.size && Array.from({ length: a.kernel }, (_, k) => s + k * a.dilation).some(inside),
  );
}

const image = fc.tuple(size(2), size(3), shape(1, 3)).map(([n, c, spatial]) => [n, c, ...spatial]);

export const conv: Record<string, Cases> = {
  Conv: weighted('Conv', (i, o, g) => [o * g, i], windowAttributes),
  ConvTranspose: fc.oneof(
    { weight: 4, arbitrary: weighted('ConvTranspose', (i, o, g) => [i * g, o], transposed) },
    // The size of the output, in place of what is cut off.
    {
      weight: 1,
      arbitrary: cases(
        layer.filter(({ auto }) => auto !== 'VALID'),
        ({ axes, auto, channels: [inPer, outPer, groups], batch }) => {
          const most = axes.map((a) => a.stride * (a.size - 1) + (a.kernel - 1) * a.dilation + 1);
          const attributes = {
            ...transposed(axes, 'NOTSET'),
            group: int(groups!),
            auto_pad: { kind: 'string', value: auto } as const,
            // Smaller than the input is more than ONNX's own shape inference takes.
            output_shape: ints(most.map((m, i) => Math.max(axes[i]!.size, m - axes[i]!.before))),
            output_padding: ints(axes.map(() => 0)),
          };
          const { pads: _, ...given } = attributes as Record<string, Attribute>;
          return {
            shapes: [
              [batch, inPer! * groups!, ...axes.map((a) => a.size)],
              [inPer! * groups!, outPer!, ...axes.map((a) => a.kernel)],
            ],
            build: (b, x) => b.op('ConvTranspose', x, given),
          };
        },
      ),
    },
  ),
};

export const pools: Record<string, Cases> = {
  MaxPool: cases(pool(true), ({ axes, auto, lead, ceil }) => ({
    shapes: [[...lead, ...axes.map((a) => a.size)]],
    build: (b, [x]) =>
      b.op('MaxPool', [apart(b, x!)], { ...windowAttributes(axes, auto), ceil_mode: int(ceil ? 1 : 0) }),
  })),
  AveragePool: cases(fc.tuple(pool(false), fc.boolean()), ([{ axes, auto, lead, ceil }, counted]) => ({
    shapes: [[...lead, ...axes.map((a) => a.size)]],
    build: (b, [x]) => {
      const { dilations: _, ...attributes } = windowAttributes(axes, auto);
      return b.op('AveragePool', [x!], {
        ...attributes,
        ceil_mode: int(ceil ? 1 : 0),
        count_include_pad: int(counted ? 1 : 0),
      });
    },
  })),
  GlobalAveragePool: cases(image, (dims) => ({
    shapes: [dims],
    build: (b, [x]) => b.op('GlobalAveragePool', [x!]),
  })),
  GlobalMaxPool: cases(image, (dims) => ({
    shapes: [dims],
    build: (b, [x]) => b.op('GlobalMaxPool', [apart(b, x!)]),
  })),
};

/** The nodes that stand for convolutions and pools in products of patches. */
export const products: Record<string, Cases> = {
  PatchGemm: cases(
    layer.filter(({ channels: [, , groups], frozen }) => groups === 1 && !frozen),
    ({ axes, auto, channels: [inPer, outPer], batch, bias }) => {
      const kernel = axes.map((a) => a.kernel);
      return {
        shapes: [
          [batch, inPer!, ...axes.map((a) => a.size)],
          [outPer!, inPer!, ...kernel],
          ...(bias ? [[outPer!]] : []),
        ],
        build: (b, inputs) => {
          const f = new GraphBuilder();
          for (const i of inputs) f.input(i, b.shape(i));
          f.output(f.op('Conv', inputs, windowAttributes(axes, auto), 'y'));
          const graph = patched(f.graph(), (name) => f.shape(name)).graph();
          return inline(b, graph, new Map(inputs.map((i) => [i, i]))).get('y')!;
        },
      };
    },
  ),
  FirstMax: cases(fc.tuple(size(3), size(4), size(3)), (dims) => ({
    shapes: [dims],
    build: (b, [x]) => {
      b.add(node('FirstMax', [apart(b, x!)], ['y'], {}, 'lichen'));
      return 'y';
    },
  })),
};
