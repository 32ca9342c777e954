import { expect } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { inline } from '../../src/onnx/inline.js';
import {
  type Attribute,
  type ConstantTensor,
  ElementType,
  floats,
  type Model,
  type Node,
  node,
  sizeOf,
} from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { Random } from '../../src/random.js';
import { checkGradient } from './numeric.js';

const random = new Random(17);
export const draw = (dims: readonly number[], from = -1, to = 1) =>
  floats(
    Float32Array.from({ length: sizeOf(dims) }, () => from + random.next() * (to - from)),
    dims,
  );
export const scalar = (v: number) => floats([v], []);
export const index = (v: number): ConstantTensor => ({
  type: ElementType.int64,
  dims: [],
  data: BigInt64Array.of(BigInt(v)),
});

export interface Form {
  opset: number;
  dims: number[];
  nodes: Node[];
  constants?: Record<string, ConstantTensor>;
  low?: number;
  high?: number;
  kinks?: number[];
}

export const modelOf = ({ opset, dims, nodes, constants }: Form): Model => ({
  opset,
  irVersion: opset > 20 ? 10 : 8,
  metadata: {},
  graph: {
    name: 'g',
    nodes,
    initializers: new Map(Object.entries(constants ?? {})),
    inputs: [{ name: 'x', type: ElementType.float, dims: ['N', ...dims.slice(1)] }],
    outputs: [{ name: 'y', type: ElementType.float }],
  },
});

/** That a form computes the same in the build set, as a graph that was built, and that it is differentiated. */
export async function holds(form: Form): Promise<GraphBuilder> {
  const { dims } = form;
  const model = modelOf(form);
  const { graph } = normalize(model);
  const b = new GraphBuilder();
  b.input('x', dims);
  const y = inline(b, graph, new Map([['x', 'x']])).get('y')!;
  b.output(y);
  const [low, high] = [form.low ?? -2, form.high ?? 2];
  const x = { dims, data: draw(dims, low, high).data as Float32Array };
  const results: Float32Array[] = [];
  for (const candidate of [model, b.model()]) {
    const program = await new OrtEngine().compile(candidate, { threads: 1 });
    const out = Object.values(await program.run({ x }))[0]!;
    expect(out.dims).toEqual(b.shape(y));
    results.push(out.data);
    await program.close();
  }
  results[1]!.forEach((v, i) => {
    expect(Math.abs(v - results[0]![i]!), `element ${i}: ${v}, ${results[0]![i]}`).toBeLessThan(
      1e-5 * (1 + Math.abs(v)),
    );
  });
  await checkGradient({
    shapes: [dims],
    low,
    high,
    ...(form.kinks && { kinks: form.kinks }),
    build: (c, [input]) => inline(c, graph, new Map([['x', input!]])).get('y')!,
  });
  return b;
}

export const single = (
  op: string,
  attributes: Record<string, Attribute> = {},
  inputs = ['x'],
  domain = '',
) => [node(op, inputs, ['y'], attributes, domain)];

/** The second half of `holds`: for operators that the runtime itself does not have. */
export async function trained(form: Form): Promise<void> {
  const { graph } = normalize(modelOf(form));
  await checkGradient({
    shapes: [form.dims],
    build: (c, [input]) => inline(c, graph, new Map([['x', input!]])).get('y')!,
  });
}

/** What a form computes of fixed values, in the build set. */
export async function computed(form: Form): Promise<number[]> {
  const program = await new OrtEngine().compile(normalize(modelOf(form)), { threads: 1 });
  const data = Float32Array.from({ length: sizeOf(form.dims) }, (_, i) => Math.sin(i));
  const out = await program.run({ x: { dims: form.dims, data } });
  await program.close();
  return Array.from(out.y!.data, (v) => Number(v.toFixed(4)));
}
