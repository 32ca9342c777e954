import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { LichenError } from '../../src/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import {
  type Attribute,
  ElementType,
  float,
  floats,
  int,
  ints,
  node,
  sizeOf,
  string,
} from '../../src/onnx/model.js';
import { broadcast } from '../../src/onnx/shapes.js';

const engine = new OrtEngine();

/** Inferred shapes of a node's outputs, and those that ONNX Runtime gives when it runs the node. */
async function both(
  op: string,
  shapes: number[][],
  attributes: Record<string, Attribute> = {},
  constants: (b: GraphBuilder) => string[] = () => [],
  outputs = 1,
): Promise<[number[][], number[][]]> {
  const b = new GraphBuilder();
  const x = shapes.map((s, i) => b.input(`x${i}`, s));
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
  b.add({ ...node(op, [...x, ...constants(b)], names, attributes) });
  names.forEach((n, i) => {
    b.output(
      n,
      op === 'Shape' || op === 'ArgMax' || (op === 'TopK' && i === 1) ? ElementType.int64 : ElementType.float,
    );
  });
  const model = b.model();
  // Stated shapes would have ONNX Runtime complain, where its own are wanted.
  for (const o of model.graph.outputs) o.dims = undefined;
  const program = await engine.compile(model);
  const feeds = shapes.map(
    (dims, i) => [`x${i}`, { dims, data: new Float32Array(sizeOf(dims)).fill(0.5) }] as const,
  );
  try {
    const out = await program.run(Object.fromEntries(feeds));
    return [names.map((n) => [...b.shape(n)]), names.map((n) => [...out[n]!.dims])];
  } finally {
    await program.close();
  }
}

type Case = [string, ...Parameters<typeof both>];
const cases: Case[] = [
  [
    'broadcasting',
    'Add',
    [
      [2, 1, 4],
      [3, 1],
    ],
  ],
  ['a scalar', 'Mul', [[], [2, 3]]],
  ['three inputs', 'Max', [[2, 1], [1, 3], [3]]],
  [
    'a grouped convolution',
    'Conv',
    [
      [1, 4, 5, 6],
      [6, 2, 3, 2],
    ],
    { group: int(2), strides: ints([2, 1]), pads: ints([1, 0, 0, 2]), dilations: ints([1, 2]) },
  ],
  [
    'SAME_UPPER',
    'Conv',
    [
      [1, 1, 7, 8],
      [1, 1, 3, 2],
    ],
    { auto_pad: string('SAME_UPPER'), strides: ints([2, 3]) },
  ],
  [
    'SAME_LOWER',
    'MaxPool',
    [[1, 1, 7, 8]],
    { auto_pad: string('SAME_LOWER'), strides: ints([2, 3]), kernel_shape: ints([3, 2]) },
  ],
  [
    'a transposed convolution',
    'ConvTranspose',
    [
      [1, 4, 3, 3],
      [4, 3, 2, 3],
    ],
    {
      group: int(2),
      strides: ints([2, 3]),
      output_padding: ints([1, 0]),
      pads: ints([0, 1, 1, 0]),
      dilations: ints([2, 1]),
    },
  ],
  ['transposed inputs', 'Gemm', [[3, 2], [4, 3], [4]], { transA: int(1), transB: int(1) }],
  [
    'batches',
    'MatMul',
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
  ],
  ['a vector on the left', 'MatMul', [[4], [5, 4, 2]]],
  ['a vector on the right', 'MatMul', [[5, 3, 4], [4]]],
  ['two vectors', 'MatMul', [[4], [4]]],
  [
    'ceil mode',
    'AveragePool',
    [[1, 2, 6, 6]],
    { kernel_shape: ints([3, 2]), strides: ints([2, 4]), ceil_mode: int(1), pads: ints([1, 0, 1, 0]) },
  ],
  ['all of the picture', 'GlobalAveragePool', [[2, 3, 4, 5]]],
  ['axes as an attribute', 'ReduceMean', [[2, 3, 4]], { axes: ints([-1, 0]), keepdims: int(0) }],
  ['all axes', 'ReduceMax', [[2, 3, 4]]],
  ['axes as an input', 'ReduceSum', [[2, 3, 4]], {}, (b) => [b.ints(1)]],
  ['a zero and a rest', 'Reshape', [[2, 3, 4]], {}, (b) => [b.ints(0, -1, 2)]],
  ['from an axis on', 'Flatten', [[2, 3, 4]], { axis: int(2) }],
  ['from no axis on', 'Flatten', [[2, 3, 4]], { axis: int(0) }],
  ['from an axis counted from the end', 'Flatten', [[2, 3, 4]], { axis: int(-1) }],
  ['every axis of one', 'Squeeze', [[1, 3, 1]]],
  ['one axis of one', 'Squeeze', [[1, 3, 1]], {}, (b) => [b.ints(-1)]],
  ['two axes', 'Unsqueeze', [[2, 3]], {}, (b) => [b.ints(-1, 0)]],
  ['by default', 'Transpose', [[2, 3, 4]]],
  [
    'of three',
    'Concat',
    [
      [2, 1],
      [2, 3],
      [2, 2],
    ],
    { axis: int(-1) },
  ],
  ['backwards', 'Slice', [[6, 5]], {}, (b) => [b.ints(4, -1), b.ints(-7, 1), b.ints(0, 1), b.ints(-2, -1)]],
  ['beyond the ends', 'Slice', [[6, 5]], {}, (b) => [b.ints(-100, 2), b.ints(100, 3), b.ints(1, 0)]],
  ['nothing', 'Slice', [[6]], {}, (b) => [b.ints(4), b.ints(2)]],
  ['both ends', 'Pad', [[2, 3]], {}, (b) => [b.ints(1, 0, 0, 2)]],
  ['a cut', 'Pad', [[4, 3]], {}, (b) => [b.ints(-1, 0, -2, 1)]],
  ['wider', 'Expand', [[3, 1]], {}, (b) => [b.ints(2, 1, 4)]],
  ['even parts', 'Split', [[6, 2]], {}, () => [], 3],
  ['uneven parts', 'Split', [[2, 6]], { axis: int(1) }, (b) => [b.ints(1, 5)], 2],
  ['elementwise', 'LeakyRelu', [[2, 3]], { alpha: float(0.1) }],
  [
    'a transposed convolution, SAME_UPPER',
    'ConvTranspose',
    [
      [1, 1, 3],
      [1, 2, 4],
    ],
    { auto_pad: string('SAME_UPPER'), strides: ints([2]) },
  ],
  [
    'a transposed convolution to a size',
    'ConvTranspose',
    [
      [1, 1, 3],
      [1, 2, 4],
    ],
    { output_shape: ints([7]), strides: ints([2]) },
  ],
  ['along an axis', 'Gather', [[2, 3, 4]], { axis: int(-2) }, (b) => [b.ints(2, 0)]],
  ['repeated', 'Tile', [[2, 3]], {}, (b) => [b.ints(2, 3)]],
  ['by scales', 'Resize', [[1, 2, 3, 5]], {}, (b) => ['', b.constant(floats([1, 1, 2, 0.7], [4]))]],
  ['to sizes', 'Resize', [[1, 2, 3, 5]], {}, (b) => ['', '', b.ints(1, 2, 4, 4)]],
  ['blocks', 'DepthToSpace', [[1, 8, 2, 3]], { blocksize: int(2) }],
  ['blocks', 'SpaceToDepth', [[1, 2, 4, 6]], { blocksize: int(2) }],
  ['the largest', 'TopK', [[2, 5]], {}, (b) => [b.ints(3)], 2],
  ['a position', 'ArgMax', [[2, 5]], { axis: int(-1), keepdims: int(0) }],
  ['no axes', 'ReduceSum', [[2, 5]], { noop_with_empty_axes: int(1) }, (b) => [b.ints()]],
  [
    'with its statistics',
    'LayerNormalization',
    [
      [2, 3, 4],
      [3, 4],
    ],
    { axis: int(1) },
    () => [],
    3,
  ],
  ['of a tensor', 'Shape', [[2, 3, 4]], { start: int(-2) }],
  ['of a shape', 'ConstantOfShape', [], {}, (b) => [b.ints(2, 3)]],
];

describe('inferred shapes are those of ONNX Runtime', () => {
  it.each(cases)('%s: %s', async (_, ...args) => {
    const [inferred, real] = await both(...args);
    expect(inferred).toEqual(real);
  });

  it('for windows of every kind', async () => {
    const axis = fc.record({
      size: fc.integer({ min: 1, max: 9 }),
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: 4 }),
      dilation: fc.integer({ min: 1, max: 3 }),
      before: fc.nat(3),
      after: fc.nat(3),
    });
    let fitting = 0;
    const property = fc.asyncProperty(
      fc.array(axis, { minLength: 1, maxLength: 2 }),
      fc.boolean(),
      fc.boolean(),
      async (axes, pool, ceil) => {
        const of = (f: (a: (typeof axes)[number]) => number) => axes.map(f);
        const attributes: Record<string, Attribute> = {
          kernel_shape: ints(of((a) => a.kernel)),
          strides: ints(of((a) => a.stride)),
          dilations: ints(of((a) => a.dilation)),
          // ONNX Runtime wants a pool's pads smaller than its kernel.
          pads: ints([
            ...of((a) => (pool ? Math.min(a.before, a.kernel - 1) : a.before)),
            ...of((a) => (pool ? Math.min(a.after, a.kernel - 1) : a.after)),
          ]),
          ...(pool && { ceil_mode: int(ceil ? 1 : 0) }),
        };
        const x = [1, 1, ...of((a) => a.size)];
        let result: [number[][], number[][]];
        try {
          result = await both(
            pool ? 'MaxPool' : 'Conv',
            pool ? [x] : [x, [1, 1, ...of((a) => a.kernel)]],
            attributes,
          );
        } catch (error) {
          // A kernel that does not fit is refused by both.
          expect((error as LichenError).code).toBe('onnx-shape');
          return;
        }
        fitting++;
        expect(result[0]).toEqual(result[1]);
      },
    );
    await fc.assert(property, { numRuns: 150, seed: 1 });
    expect(fitting).toBeGreaterThan(50);
  });
});

describe('shapes that do not fit', () => {
  const infer = (
    op: string,
    shapes: number[][],
    attributes: Record<string, Attribute> = {},
    constants: number[][] = [],
  ) => {
    const b = new GraphBuilder();
    const x = shapes.map((s, i) => b.input(`x${i}`, s));
    return () => b.op(op, [...x, ...constants.map((c) => b.ints(...c))], attributes, 'odd');
  };

  it.each<[string, () => unknown, RegExp]>([
    [
      'two that do not broadcast',
      infer('Add', [[2, 3], [4]]),
      /node 'odd' \(Add\): shapes \[2,3\] and \[4\] do not broadcast/,
    ],
    [
      'matrices',
      infer('MatMul', [
        [2, 3],
        [4, 2],
      ]),
      /cannot multiply \[2,3\] by \[4,2\]/,
    ],
    [
      'a Gemm',
      infer('Gemm', [
        [2, 3],
        [2, 3],
      ]),
      /cannot multiply/,
    ],
    [
      'channels',
      infer('Conv', [
        [1, 3, 4, 4],
        [2, 2, 1, 1],
      ]),
      /weight \[2,2,1,1\] with 1 group\(s\) does not fit an input of 3 channels/,
    ],
    [
      'a kernel',
      infer('Conv', [
        [1, 1, 2, 2],
        [1, 1, 3, 3],
      ]),
      /a kernel of 3 does not fit an input of 2/,
    ],
    [
      'another number of elements',
      infer('Reshape', [[2, 3]], {}, [[4, 2]]),
      /cannot reshape \[2,3\] to \[4,2\]/,
    ],
    [
      'a rest that is no whole number',
      infer('Reshape', [[2, 3]], {}, [[4, -1]]),
      /cannot reshape \[2,3\] to \[4,-1\]/,
    ],
    ['a shape that is computed', infer('Reshape', [[2, 3], [2]]), /its input 1 \('x1'\) must be a constant/],
    [
      'an operator that is not known',
      infer('NonZero', [[2]]),
      /operator NonZero \(node 'odd'\) cannot be inferred; supported: Abs, .*Add.* Cut the network after it/,
    ],
    [
      "an operator called as an object's parts are",
      infer('toString', [[2]]),
      /operator toString \(node 'odd'\) cannot be inferred/,
    ],
  ])('%s: the error names operator and node', (_, run, message) => {
    expect(run).toThrow(LichenError);
    expect(run).toThrow(message);
  });
});

it('broadcasting is as in the standard, both ways', () => {
  const dims = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 });
  fc.assert(
    fc.property(dims, dims, (p, q) => {
      const rank = Math.max(p.length, q.length);
      const wide = (s: number[]) => [...Array<number>(rank - s.length).fill(1), ...s];
      const fits = wide(p).every((d, i) => d === wide(q)[i] || d === 1 || wide(q)[i] === 1);
      if (!fits) expect(() => broadcast(p, q)).toThrow(/do not broadcast/);
      else {
        expect(broadcast(p, q)).toEqual(wide(p).map((d, i) => Math.max(d, wide(q)[i]!)));
        expect(broadcast(q, p)).toEqual(broadcast(p, q));
      }
    }),
  );
});
