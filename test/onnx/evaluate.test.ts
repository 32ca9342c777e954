import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { BUILD_IR_VERSION, BUILD_OPSET } from '../../src/onnx/builder.js';
import { evaluate, numbersOf } from '../../src/onnx/evaluate.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  floats,
  int,
  int64s,
  ints,
  type Node,
  node,
  sizeOf,
} from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write.js';

const whole = (values: number[], dims = [values.length]): ConstantTensor => ({ ...int64s(values), dims });
const truth = (values: number[], dims = [values.length]): ConstantTensor => ({
  type: ElementType.bool,
  dims,
  data: Uint8Array.from(values),
});

/** That a node of constants is evaluated, to what ONNX Runtime makes of it: types, shapes and values. */
async function agrees(
  op: string,
  inputs: ConstantTensor[],
  attributes: Record<string, Attribute> = {},
  parts = 1,
): Promise<void> {
  const names = inputs.map((_, i) => `c${i}`);
  const outputs = Array.from({ length: parts }, (_, i) => `y${i}`);
  const constants = new Map(names.map((name, i) => [name, inputs[i]!]));
  const n = node(op, names, outputs, attributes);
  const known = (name: string) => constants.get(name);
  const own = evaluate(n, { shape: (name) => known(name)?.dims, known }, 1e6);
  expect(own, `${op} is evaluated`).toBeDefined();
  const declared = own!.map((t, i) => ({ name: `y${i}`, type: t.type }));
  const graph = { name: 'g', nodes: [n], initializers: constants, inputs: [], outputs: declared };
  const bytes = encodeModel({ graph, opset: BUILD_OPSET, irVersion: BUILD_IR_VERSION, metadata: {} });
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const out = await session.run({});
  await session.release();
  for (const [i, name] of outputs.entries()) {
    const real = out[name]!;
    expect(own![i]!.dims).toEqual(real.dims);
    const values = Array.from(real.data as ArrayLike<number | bigint>, Number);
    const rounded = (v: number) => Number(v.toPrecision(6));
    expect(numbersOf(own![i]!).map(rounded)).toEqual(values.map(rounded));
  }
}

describe('values that are known are those of ONNX Runtime', () => {
  const p = whole([7, -7, 3, 0, 5, 2], [2, 3]);
  const q = whole([2, -3, 4]);
  const f = floats([1.5, -2.25, 3, 0.5], [2, 2]);
  it.each<[string, ConstantTensor[], Record<string, Attribute>?, number?]>([
    ['Add', [p, q]],
    ['Sub', [p, q]],
    ['Mul', [p, q]],
    ['Div', [p, q]],
    ['Mod', [p, q]],
    ['Mod', [p, q], { fmod: int(1) }],
    ['Max', [p, q, whole([1])]],
    ['Min', [p, q]],
    ['Equal', [p, whole([7, -7, 4])]],
    ['Greater', [p, q]],
    ['GreaterOrEqual', [p, q]],
    ['Less', [p, q]],
    ['LessOrEqual', [p, q]],
    ['And', [truth([1, 0, 1]), truth([1, 1, 0])]],
    ['Or', [truth([1, 0, 0]), truth([1, 1, 0])]],
    ['Not', [truth([1, 0])]],
    ['Where', [truth([1, 0, 1]), p, q]],
    ['Neg', [p]],
    ['Abs', [p]],
    ['Add', [f, floats([0.5], [])]],
    ['Div', [f, floats([0.3], [])]],
    ['Pow', [f, floats([2], [])]],
    ['Floor', [f]],
    ['Ceil', [f]],
    ['Sqrt', [floats([4, 2], [2])]],
    ['Reciprocal', [f]],
    ['Exp', [floats([0, 1], [2])]],
    ['Cast', [f], { to: int(ElementType.int64) }],
    ['Cast', [p], { to: int(ElementType.float) }],
    ['Cast', [p], { to: int(ElementType.bool) }],
    ['Cast', [p], { to: int(ElementType.int32) }],
    ['Identity', [p]],
    ['Reshape', [p, whole([3, -1])]],
    ['Flatten', [f], { axis: int(0) }],
    ['Squeeze', [whole([5], [1, 1]), whole([0])]],
    ['Unsqueeze', [p, whole([-1, 0])]],
    ['Transpose', [p]],
    ['Expand', [q, whole([2, 1])]],
    ['ConstantOfShape', [whole([2, 2])], { value: { kind: 'tensor', value: whole([9]) } }],
    ['ConstantOfShape', [whole([3])]],
    ['Range', [whole([2], []), whole([11], []), whole([3], [])]],
    ['Split', [whole([1, 2, 3, 4, 5]), whole([2, 3])], {}, 2],
    ['ReduceMean', [f], { axes: ints([1]) }],
    [
      'BatchNormalization',
      [floats([1, 5, 2, 2, -4, 8], [1, 2, 3]), ...[1, 2, 0.5, 3].map((v) => floats([v, 4 * v], [2]))],
      { epsilon: { kind: 'float', value: 1 } },
    ],
    ['ReduceProd', [p], { axes: ints([1]) }],
    ['ReduceMax', [p], { axes: ints([0]), keepdims: int(0) }],
    ['ReduceMin', [p]],
    ['ReduceSum', [p, whole([-1])], { keepdims: int(0) }],
    ['Shape', [p]],
    ['Shape', [floats(new Float32Array(24), [2, 3, 4])], { start: int(1), end: int(-1) }],
    ['Size', [p]],
    // What stands for 'to the end' stays as large as it can be.
    ['Concat', [whole([1]), { ...whole([0]), data: BigInt64Array.of(2n ** 63n - 1n) }], { axis: int(0) }],
  ])('%s', (op, inputs, attributes, parts) => agrees(op, inputs, attributes, parts));

  it('for any Transpose, Gather, Slice, Concat and Expand', async () => {
    const dims = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
    const settings = dims.chain((d) =>
      fc.record({
        dims: fc.constant(d),
        perm: fc.shuffledSubarray([...d.keys()], { minLength: d.length }),
        axis: fc.integer({ min: -d.length, max: d.length - 1 }),
        at: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }),
        start: fc.integer({ min: -4, max: 3 }),
        step: fc.constantFrom(-2, -1, 1, 2),
      }),
    );
    const property = fc.asyncProperty(settings, async ({ dims: d, perm, axis, at, start, step }) => {
      const t = whole([...Array(sizeOf(d)).keys()], d);
      const along = d.at(axis)!;
      await agrees('Transpose', [t], { perm: ints(perm) });
      await agrees(
        'Gather',
        [
          t,
          whole(
            at.map((i) => (i % (2 * along)) - along),
            [1, at.length],
          ),
        ],
        { axis: int(axis) },
      );
      await agrees('Slice', [t, whole([start]), whole([step > 0 ? 9 : -9]), whole([axis]), whole([step])]);
      await agrees(
        'Concat',
        [
          t,
          whole(
            numbersOf(t).map((v) => -v),
            d,
          ),
          t,
        ],
        { axis: int(axis) },
      );
      await agrees('Expand', [t, whole([2, ...d.map(() => 1)])]);
    });
    await fc.assert(property, { numRuns: 25, seed: 1 });
  });
});

it('a normalization in training form, by which weights are standardized, is that of each channel', () => {
  const constants = new Map(
    Object.entries({
      w: floats([1, 5, 3, 2, 2, 2], [1, 2, 3]),
      s: floats([0.5, 1], [2]),
      b: floats([0, 7], [2]),
    }),
  );
  const known = (name: string) => constants.get(name);
  const inputs = ['w', 's', 'b', 's', 's'];
  const n = node('BatchNormalization', inputs, ['y', 'm', 'v'], { training_mode: int(1) });
  const [y] = evaluate(n, { shape: () => undefined, known }, 100)!;
  const half = 0.5 * Math.sqrt(3 / 2);
  [-half, half, 0, 7, 7, 7].forEach((wanted, i) => {
    expect(y!.data[i]).toBeCloseTo(wanted, 4);
  });
});

describe('values that are not known', () => {
  const known = (name: string) => (name === 'k' ? int64s([1, 0]) : undefined);
  const context = { shape: () => undefined, known };
  it.each<[string, Node]>([
    ['an input of the graph', node('Add', ['k', 'x'], ['y'])],
    ['an operator that is none of these', node('Relu', ['k'], ['y'])],
    ["an operator of a set that is not the standard's", node('Add', ['k', 'k'], ['y'], {}, 'com.example')],
    ['a shape that is not known', node('Shape', ['x'], ['y'])],
    ['a division by zero', node('Div', ['k', 'k'], ['y'])],
    ['more elements than the limit', node('Concat', ['k', 'k', 'k'], ['y'], { axis: int(0) })],
  ])('%s', (_, n) => {
    expect(evaluate(n, context, 5)).toBeUndefined();
  });

  it('half precision, which is kept as raw bits', () => {
    const half: ConstantTensor = { type: ElementType.float16, dims: [1], data: Uint16Array.of(0x3c00) };
    expect(
      evaluate(node('Add', ['h', 'h'], ['y']), { shape: () => [1], known: () => half }, 9),
    ).toBeUndefined();
  });
});
