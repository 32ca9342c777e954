import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { operators } from '../../src/engine/tfjs/operators.js';
import type { TfjsEngine } from '../../src/engine/tfjs.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { type Attribute, int, ints, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';
import { testedBackends } from './tfjs-backends.js';
import { operatorCases } from './tfjs-cases/all.js';
import type { OperatorCase } from './tfjs-cases/make.js';

const ort = new OrtEngine();

async function computed(engine: Engine, { model, feeds }: Pick<OperatorCase, 'model' | 'feeds'>) {
  const program = await engine.compile(model);
  try {
    return await program.run(feeds);
  } finally {
    await program.close();
  }
}

/** Both engines give the same to rounding: 1e-4 of the value or of 1. */
async function compare(engine: TfjsEngine, given: Pick<OperatorCase, 'model' | 'feeds'>): Promise<void> {
  const [expected, found] = [await computed(ort, given), await computed(engine, given)];
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, { dims, data }] of Object.entries(expected)) {
    expect(found[name]!.dims, name).toEqual(dims);
    expect(found[name]!.data.length).toBe(data.length);
    data.forEach((v, i) => {
      const error = Math.abs(found[name]!.data[i]! - v) / (1 + Math.abs(v));
      expect(error, `${name}[${i}]: ort ${v}, tfjs ${found[name]!.data[i]}`).toBeLessThan(1e-4);
    });
  }
}

/** One spatial axis of a convolution or a pool. */
const axis = fc.record({
  size: fc.integer({ min: 1, max: 7 }),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 3 }),
  before: fc.nat(2),
  after: fc.nat(2),
});
const window = fc.record({
  op: fc.constantFrom('Conv', 'ConvTranspose', 'MaxPool', 'AveragePool'),
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  groups: fc.constantFrom(1, 2, 4),
  per: fc.integer({ min: 1, max: 2 }),
  flag: fc.boolean(),
});
type Windowed = typeof window extends fc.Arbitrary<infer T> ? T : never;

/** The node on generated tensors, or undefined where no window fits. */
function windowed({
  op,
  axes,
  groups,
  per,
  flag,
}: Windowed): Pick<OperatorCase, 'model' | 'feeds'> | undefined {
  const of = (f: (a: Windowed['axes'][number]) => number) => axes.map(f);
  const pool = op.endsWith('Pool');
  const attributes: Record<string, Attribute> = {
    kernel_shape: ints(of((a) => a.kernel)),
    strides: ints(of((a) => a.stride)),
    // ONNX Runtime wants a pool's pads smaller than its kernel.
    pads: ints([
      ...of((a) => (pool ? Math.min(a.before, a.kernel - 1) : a.before)),
      ...of((a) => (pool ? Math.min(a.after, a.kernel - 1) : a.after)),
    ]),
    ...(op !== 'AveragePool' && { dilations: ints(of((a) => a.dilation)) }),
    ...(pool ? { ceil_mode: int(flag ? 1 : 0) } : { group: int(groups) }),
    ...(op === 'AveragePool' && { count_include_pad: int(per - 1) }),
  };
  const kernel = of((a) => a.kernel);
  const weight = op === 'Conv' ? [groups * per, 4 / groups, ...kernel] : [4, per, ...kernel];
  const shapes = [[2, 4, ...of((a) => a.size)], ...(pool ? [] : [weight])];
  const b = new GraphBuilder();
  try {
    const inputs = shapes.map((s, i) => b.input(`x${i}`, s));
    b.output(b.op(op, inputs, attributes, 'y'));
  } catch {
    return undefined;
  }
  if (b.shape('y').some((d) => d < 1)) return undefined;
  const random = new Random(sizeOf(shapes[0]!));
  const feeds = shapes.map((dims, i) => [
    `x${i}`,
    { dims, data: Float32Array.from({ length: sizeOf(dims) }, () => random.normal()) },
  ]);
  // Before operator set 19, ONNX Runtime counted what lies beyond the padding as padding.
  return { model: { ...b.model(), opset: 19 }, feeds: Object.fromEntries(feeds) };
}

it('there is a case for every operator', () => {
  const covered = new Set(operatorCases.map((c) => c.op));
  expect(Object.keys(operators).filter((op) => !covered.has(op))).toEqual([]);
});

describe.each(testedBackends())('operators as ONNX Runtime has them, $title', ({ engine }) => {
  it.skipIf(!engine).each(operatorCases)('$op: $title', (given) => compare(engine!, given));

  it.skipIf(!engine)('windows of every kind', async () => {
    let fitting = 0;
    const property = fc.asyncProperty(window, async (w) => {
      const given = windowed(w);
      if (!given) return;
      fitting++;
      await compare(engine!, given);
    });
    await fc.assert(property, { numRuns: 200, seed: 1 });
    expect(fitting).toBeGreaterThan(100);
  });
});
