import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { ElementType, float, floats, int, int64s, ints, node, string } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { computed, draw, type Form, holds, modelOf, single, trained } from './form.js';

describe('operators that came after the build set', () => {
  it.each<[string, Form]>([
    ['Gelu', { opset: 20, dims: [2, 3], nodes: single('Gelu') }],
    ['Gelu by tanh', { opset: 20, dims: [2, 3], nodes: single('Gelu', { approximate: string('tanh') }) }],
    ['Mish', { opset: 18, dims: [2, 3], nodes: single('Mish') }],
    [
      'Split in counted parts that are uneven',
      {
        opset: 18,
        dims: [2, 5],
        nodes: [
          node('Split', ['x'], ['p', 'q'], { axis: int(1), num_outputs: int(2) }),
          node('Concat', ['q', 'p'], ['y'], { axis: int(1) }),
        ],
      },
    ],
    [
      'Pad of one axis',
      {
        opset: 18,
        dims: [2, 3],
        nodes: single('Pad', {}, ['x', 'pads', '', 'axes']),
        constants: { pads: int64s([1, 2]), axes: int64s([-1]) },
      },
    ],
    [
      'Resize of two axes by scales',
      {
        opset: 18,
        dims: [1, 2, 3, 2],
        nodes: single('Resize', { axes: ints([2, 3]), mode: string('nearest') }, ['x', '', 'scales']),
        constants: { scales: floats([2, 3], [2]) },
      },
    ],
    [
      'Resize of two axes to sizes',
      {
        opset: 19,
        dims: [1, 2, 3, 2],
        nodes: single('Resize', { axes: ints([-2, -1]), mode: string('linear') }, ['x', '', '', 'sizes']),
        constants: { sizes: int64s([5, 4]) },
      },
    ],
    [
      'AveragePool with dilations of one',
      {
        opset: 19,
        dims: [1, 1, 4, 4],
        nodes: single('AveragePool', { kernel_shape: ints([2, 2]), dilations: ints([1, 1]) }),
      },
    ],
    [
      'a reduction over no axes, which does nothing',
      {
        opset: 18,
        dims: [2, 3],
        nodes: single('ReduceMean', { noop_with_empty_axes: int(1) }, ['x', 'none']),
        constants: { none: int64s([]) },
      },
    ],
  ])('%s', async (_, form) => {
    await holds(form);
  });

  it.each<[string, string, (x: number) => number]>([
    ['com.microsoft', 'QuickGelu', (x) => x / (1 + Math.exp(-1.702 * x))],
    [
      'com.microsoft',
      'FastGelu',
      (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    ],
    ['', 'Swish', (x) => x / (1 + Math.exp(-x))],
    ['', 'Mish', (x) => x * Math.tanh(Math.log1p(Math.exp(x)))],
  ])('%s %s computes what it stands for', async (domain, op, f) => {
    const model = normalize(modelOf({ opset: 17, dims: [1, 5], nodes: single(op, {}, ['x'], domain) }));
    const program = await new OrtEngine().compile(model);
    const at = [-3, -0.5, 0, 0.5, 3];
    const out = await program.run({ x: { dims: [1, 5], data: Float32Array.from(at) } });
    at.forEach((x, i) => {
      expect(out.y!.data[i]).toBeCloseTo(f(x), 5);
    });
    await program.close();
  });

  it.each(['ReduceMean', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSumExp'])(
    '%s with its axes as an input',
    async (op) => {
      await holds({
        opset: 18,
        dims: [2, 3, 2],
        nodes: single(op, { keepdims: int(0) }, ['x', 'axes']),
        constants: { axes: int64s([-1, 0]) },
        low: 0.5,
      });
    },
  );

  it.each([-1, 1])('RMSNormalization from axis %d on', async (axis) => {
    const form: Form = {
      opset: 23,
      dims: [2, 3, 4],
      nodes: single('RMSNormalization', { axis: int(axis), epsilon: float(0.1) }, ['x', 's']),
      constants: { s: draw(axis === 1 ? [3, 4] : [4]) },
    };
    await holds(form);
  });

  it('GroupNormalization, before and since its scale is per channel', async () => {
    const settings = fc.record({
      groups: fc.integer({ min: 1, max: 3 }),
      per: fc.integer({ min: 1, max: 2 }),
      spatial: fc.constantFrom([4], [2, 2], [3, 2]),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ groups, per, spatial }) => {
        const form = (set: number, channels: number[]): Form => ({
          opset: set,
          dims: [2, groups * per, ...spatial],
          nodes: single('GroupNormalization', { num_groups: int(groups), epsilon: float(0.01) }, [
            'x',
            's',
            'b',
          ]),
          constants: {
            s: floats(
              channels.map((c) => 1 + c),
              [channels.length],
            ),
            b: floats(
              channels.map((c) => 0.5 - c),
              [channels.length],
            ),
          },
        });
        const ofGroups = Array.from({ length: groups }, (_, i) => i);
        const ofChannels = ofGroups.flatMap((g) => Array<number>(per).fill(g));
        await holds(form(21, ofChannels));
        // The runtime itself has no such node before set 21: then it is compared with one that has the same values.
        await trained(form(18, ofGroups));
        expect(await computed(form(18, ofGroups))).toEqual(await computed(form(21, ofChannels)));
      }),
      { numRuns: 15, seed: 1 },
    );
  });
});

describe('forms that other exporters write', () => {
  it.each([ElementType.int64, ElementType.int32])('a power of integers of type %d', async (type) => {
    await holds({
      opset: 13,
      dims: [2, 3],
      nodes: single('Pow', {}, ['x', 'p']),
      constants: {
        p: { type, dims: [], data: type === ElementType.int64 ? BigInt64Array.of(3n) : Int32Array.of(3) },
      },
    });
  });

  it.each([
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSumExp',
    'ReduceMax',
    'ReduceMean',
    'ReduceSum',
    'ReduceSumSquare',
  ])('%s over no axis, which some do something to every element', async (op) => {
    const nodes = single(op, { noop_with_empty_axes: int(1) });
    await holds({ opset: 18, dims: [2, 3], nodes, kinks: [0] });
  });
});

describe('forms that went before the build set', () => {
  it.each<[string, Form]>([
    [
      'Upsample by an attribute',
      {
        opset: 7,
        dims: [1, 2, 2, 3],
        nodes: single('Upsample', {
          mode: string('nearest'),
          scales: { kind: 'floats', value: [1, 1, 2, 3] },
        }),
      },
    ],
    [
      'Upsample by an input',
      {
        opset: 9,
        dims: [1, 2, 2, 3],
        nodes: single('Upsample', { mode: string('nearest') }, ['x', 'scales']),
        constants: { scales: floats([1, 1, 2, 2], [4]) },
      },
    ],
    [
      'Resize of set 10',
      {
        opset: 10,
        dims: [1, 1, 3, 3],
        nodes: single('Resize', { mode: string('nearest') }, ['x', 'scales']),
        constants: { scales: floats([1, 1, 2, 2], [4]) },
      },
    ],
    [
      'Split by an attribute',
      {
        opset: 11,
        dims: [2, 5],
        nodes: [
          node('Split', ['x'], ['p', 'q'], { axis: int(1), split: ints([2, 3]) }),
          node('Concat', ['q', 'p', 'p'], ['y'], { axis: int(1) }),
        ],
      },
    ],
    [
      'Clip by attributes',
      { opset: 10, dims: [3, 4], nodes: single('Clip', { min: float(0), max: float(1) }), kinks: [0, 1] },
    ],
    [
      'Squeeze, Unsqueeze and ReduceSum by attributes',
      {
        opset: 11,
        dims: [2, 1, 3],
        nodes: [
          node('Squeeze', ['x'], ['s'], { axes: ints([1]) }),
          node('Unsqueeze', ['s'], ['u'], { axes: ints([0, 3]) }),
          node('ReduceSum', ['u'], ['y'], { axes: ints([2]), keepdims: int(0) }),
        ],
      },
    ],
    [
      'batch normalization behind a Concat',
      {
        opset: 13,
        dims: [2, 2, 3],
        nodes: [
          node('Concat', ['x', 'x'], ['c'], { axis: int(1) }),
          node('BatchNormalization', ['c', 's', 'b', 'm', 'v'], ['y']),
        ],
        constants: { s: draw([4]), b: draw([4]), m: draw([4]), v: draw([4], 0.5, 2) },
      },
    ],
    [
      'batch normalization of what has a number of axes that is computed',
      {
        opset: 13,
        dims: [2, 2, 3],
        nodes: [
          node('Shape', ['x'], ['shape']),
          node('Reshape', ['x', 'shape'], ['r']),
          node('BatchNormalization', ['r', 's', 'b', 'm', 'v'], ['y'], { momentum: float(0.9) }),
        ],
        constants: { s: draw([2]), b: draw([2]), m: draw([2]), v: draw([2], 0.5, 2) },
      },
    ],
  ])('%s', async (_, form) => {
    // The runtime has no Upsample in the first of its sets that are read.
    if (form.opset < 8) await trained(form);
    else await holds(form);
  });
});
