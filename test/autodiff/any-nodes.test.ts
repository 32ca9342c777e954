import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gradientRules, gradients } from '../../src/autodiff/gradient.js';
import { lower } from '../../src/autodiff/lower.js';
import { LichenError } from '../../src/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { cutPoints } from '../../src/onnx/cut.js';
import { evaluations } from '../../src/onnx/evaluations.js';
import { freeBatch } from '../../src/onnx/free-batch.js';
import { inline } from '../../src/onnx/inline.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  int,
  ints,
  type Model,
  type Node,
  sizeOf,
  string,
} from '../../src/onnx/model.js';
import { normalize, replacedOperators } from '../../src/onnx/normalize.js';
import { decodeModel } from '../../src/onnx/read.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';

/** What files may have, and what they may not. */
const OPERATORS = [
  ...new Set([...Object.keys(gradientRules), ...Object.keys(evaluations), ...replacedOperators]),
  ...['Shape', 'Size', 'TopK', 'ArgMax', 'CumSum', 'LRN', 'ScatterElements', 'QLinearConv', 'Einsum'],
];

const ATTRIBUTES = (
  'axis axes keepdims kernel_shape strides pads dilations group auto_pad perm to mode alpha beta epsilon split ' +
  'num_outputs starts ends value min max ceil_mode count_include_pad output_padding output_shape blocksize allowzero ' +
  'noop_with_empty_axes coordinate_transformation_mode nearest_mode scales sizes num_groups training_mode spatial start ' +
  'end block_size output_dtype transA transB approximate'
).split(' ');
const TEXTS = ['SAME_UPPER', 'VALID', 'nearest', 'linear', 'cubic', 'reflect', 'edge', 'wrap', 'CRD', 'none'];
const NUMBERS = [0, 1, 1, 1, 2, 2, 3, 4, -1, -2, 5, 7];

/** One to three nodes of any operators, with any attributes, over the input and six constants of any types. */
function anyModel(seed: number): Model {
  const random = new Random(seed);
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)]!;
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: random.int(most) }, make);
  const shape = () => some(5, () => pick([1, 1, 2, 3, 4, 4, 0]));
  const constant = (): ConstantTensor => {
    const dims = random.int(3) === 0 ? [random.int(6)] : shape();
    const length = { length: sizeOf(dims) };
    const kind = random.int(4);
    if (kind === 0) {
      return { type: ElementType.float, dims, data: Float32Array.from(length, () => random.normal()) };
    }
    if (kind === 1)
      return { type: ElementType.bool, dims, data: Uint8Array.from(length, () => random.int(2)) };
    if (kind === 2)
      return { type: ElementType.int32, dims, data: Int32Array.from(length, () => pick(NUMBERS)) };
    const data = BigInt64Array.from(length, () => BigInt(pick([...NUMBERS, 2 ** 40, -(2 ** 40)])));
    return { type: ElementType.int64, dims, data };
  };
  const attribute = (): Attribute => {
    const kind = random.int(8);
    if (kind < 3) return int(pick(NUMBERS));
    if (kind < 5) return ints(some(5, () => pick(NUMBERS)));
    if (kind === 5) return { kind: 'float', value: random.normal() };
    if (kind === 6) return string(pick(TEXTS));
    return { kind: 'floats', value: some(5, () => random.normal()) };
  };
  const initializers = new Map(Array.from({ length: 6 }, (_, i) => [`c${i}`, constant()]));
  const names = ['x', ...initializers.keys()];
  const nodes: Node[] = [];
  for (let k = 1 + random.int(3); k > 0; k--) {
    const inputs = some(6, () => (random.int(8) === 0 ? '' : pick(names)));
    if (inputs.length > 0 && random.int(2) === 0) inputs[0] = nodes.at(-1)?.outputs[0] ?? 'x';
    const outputs = [`t${k}`, ...(random.int(4) === 0 ? [`u${k}`] : [])];
    const attributes = Object.fromEntries(some(4, () => [pick(ATTRIBUTES), attribute()]));
    nodes.push({ op: pick(OPERATORS), domain: '', name: `n${k}`, inputs, outputs, attributes });
    names.push(...outputs);
  }
  const type = pick([ElementType.float, ElementType.float, ElementType.float16, ElementType.int64]);
  return {
    opset: 7 + random.int(20),
    irVersion: 8,
    metadata: {},
    graph: {
      name: 'g',
      nodes,
      initializers,
      inputs: [{ name: 'x', type, dims: ['N', ...shape()] }],
      outputs: [{ name: 't1', type: ElementType.float }],
    },
  };
}

/** All that becomes of a crown, up to its gradient; says how far it came. */
function follow(model: Model): string {
  let stage = 'read';
  try {
    const read = decodeModel(encodeModel(model));
    stage = 'cut';
    cutPoints(read.graph);
    freeBatch(read);
    stage = 'normalized';
    const { graph } = normalize(read);
    stage = 'built';
    const b = new GraphBuilder();
    b.input('x', [2, ...graph.inputs[0]!.dims!.slice(1).map(Number)]);
    const y = inline(b, graph, new Map([['x', 'x']])).get('t1')!;
    b.op('ReduceSum', [y], { keepdims: int(0) }, 'LOSS');
    b.output('LOSS');
    stage = 'differentiated';
    gradients(b, 'LOSS', ['x']);
    lower(b.model());
    return 'done';
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    return stage;
  }
}

it('nodes of any kind are learned through or refused with a clear error, and nothing else', () => {
  const counts: Record<string, number> = {};
  const property = (seed: number) => {
    const reached = follow(anyModel(seed));
    counts[reached] = (counts[reached] ?? 0) + 1;
  };
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), property), { numRuns: 6000, seed: 1 });
  for (const stage of ['read', 'normalized', 'built', 'differentiated', 'done']) {
    expect(counts[stage], stage).toBeGreaterThan(20);
  }
});
