import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/gradient.js';
import { channelsLast } from '../../src/autodiff/layout.js';
import { lower } from '../../src/autodiff/lower.js';
import { patched } from '../../src/autodiff/patches.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { type Attribute, floats, int, ints, node, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

type Feeds = Record<string, { dims: number[]; data: Float32Array }>;

const rewritten = (b: GraphBuilder) => patched(b.graph(), (name) => b.shape(name));
const ops = (b: GraphBuilder, op: string) => b.nodes.filter((n) => n.op === op).length;

/** Whole numbers from -2 to 2: equal ones are frequent, and sums of few are exact. */
function feedsOf(b: GraphBuilder, seed: number): Feeds {
  const random = new Random(seed);
  return Object.fromEntries(
    b.inputs.map((i) => {
      const dims = i.dims as number[];
      const data = Float32Array.from({ length: sizeOf(dims) }, () => Math.floor(5 * random.next()) - 2);
      return [i.name, { dims, data }];
    }),
  );
}

/** Output `y` and the gradients of every input, for the loss sum(r * y) with fixed whole r. */
async function run(b: GraphBuilder, feeds: Feeds): Promise<Map<string, number[]>> {
  const dims = b.shape('y');
  const weights = floats(
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => (i % 7) - 3),
    dims,
  );
  b.op('ReduceSum', [b.op('Mul', ['y', b.constant(weights)])], { keepdims: int(0) }, 'loss');
  const names = b.inputs.map((i) => i.name);
  const found = gradients(b, 'loss', names);
  b.outputs.length = 0;
  for (const o of new Set(['y', ...found.values()])) b.output(o);
  const program = await new OrtEngine().compile(lower(b.model()), { threads: 1 });
  const out = await program.run(feeds);
  await program.close();
  return new Map(['y', ...names].map((n) => [n, [...out[found.get(n) ?? n]!.data]]));
}

/** Compares a graph with what becomes of it, in [N, C, ...] and in channels-last. */
async function same(make: () => GraphBuilder, seed = 1): Promise<void> {
  const plain = make();
  const feeds = feedsOf(plain, seed);
  const expected = await run(make(), feeds);
  const products = rewritten(make());
  const last = channelsLast(products.graph(), (name) => products.shape(name));
  for (const form of [products, last]) expect(await run(form, feeds)).toEqual(expected);
}

const PAIR = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
const SAME = { pads: ints([1, 1, 1, 1]) };

/** Picture -> convolution -> what is said -> `y`. */
function chain(...layers: ((b: GraphBuilder, x: string) => string)[]): GraphBuilder {
  const b = new GraphBuilder();
  const x = b.input('x', [2, 2, 6, 6]);
  const y = b.op('Conv', [x, b.input('w', [3, 2, 3, 3]), b.input('bias', [3])], SAME);
  b.op('Identity', [layers.reduce((from, layer) => layer(b, from), y)], {}, 'y');
  b.output('y');
  return b;
}
const relu = (b: GraphBuilder, x: string) => b.op('Relu', [x]);
const pool =
  (attributes: Record<string, Attribute> = PAIR) =>
  (b: GraphBuilder, x: string) =>
    b.op('MaxPool', [x], attributes);

describe('convolutions as products of patches', () => {
  it('compute the same, and the same gradients, whatever the geometry', async () => {
    const axis = fc.record({
      size: fc.integer({ min: 1, max: 6 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      before: fc.nat(2),
      after: fc.nat(2),
      pool: fc.integer({ min: 1, max: 3 }),
      step: fc.integer({ min: 1, max: 3 }),
    });
    let fused = 0;
    const property = fc.asyncProperty(
      fc.array(axis, { minLength: 1, maxLength: 3 }),
      fc.constantFrom([1, 1], [2, 3], [3, 1], [4, 2]),
      fc.constantFrom('none', 'pool', 'relu, pool', 'clip, pool', 'relu'),
      fc.nat(100),
      async (axes, [channels, outputs], behind, seed) => {
        const of = (f: (a: (typeof axes)[number]) => number) => axes.map(f);
        const out = axes.map((a) => {
          const room = a.size + a.before + a.after - (a.kernel - 1) * a.dilation - 1;
          return Math.floor(room / a.stride) + 1;
        });
        fc.pre(out.every((o) => o >= 1));
        const pooled = behind.includes('pool') && out.every((o, i) => o >= axes[i]!.pool);
        const make = () => {
          const b = new GraphBuilder();
          const x = b.input('x', [2, channels!, ...of((a) => a.size)]);
          const w = b.input('w', [outputs!, channels!, ...of((a) => a.kernel)]);
          let y = b.op('Conv', [x, w, b.input('bias', [outputs!])], {
            strides: ints(of((a) => a.stride)),
            dilations: ints(of((a) => a.dilation)),
            pads: ints([...of((a) => a.before), ...of((a) => a.after)]),
          });
          if (behind.startsWith('relu')) y = b.op('Relu', [y]);
          if (behind.startsWith('clip')) y = b.op('Clip', [y, b.scalar(-1), b.scalar(3)]);
          const window = { kernel_shape: ints(of((a) => a.pool)), strides: ints(of((a) => a.step)) };
          if (pooled) y = b.op('MaxPool', [y], window);
          b.op('Identity', [y], {}, 'y');
          b.output('y');
          return b;
        };
        if (ops(rewritten(make()), 'FirstMax') > 0) fused++;
        await same(make, seed);
      },
    );
    await fc.assert(property, { numRuns: 150, seed: 1 });
    expect(fused).toBeGreaterThan(20);
  });

  it.each<[string, () => GraphBuilder]>([
    ['a pool through an activation', () => chain(relu, pool())],
    ['a pool with a rest', () => chain(pool({ kernel_shape: ints([4, 4]), strides: ints([4, 4]) }))],
    [
      'a pool with gaps',
      () => chain(relu, relu, pool({ kernel_shape: ints([1, 2]), strides: ints([2, 3]) })),
    ],
  ])('take in %s', async (_, make) => {
    const b = rewritten(make());
    expect([ops(b, 'Conv'), ops(b, 'MaxPool'), ops(b, 'PatchGemm'), ops(b, 'FirstMax')]).toEqual([
      0, 0, 1, 1,
    ]);
    await same(make);
  });

  it.each<[string, () => GraphBuilder]>([
    ['whose windows overlap', () => chain(pool({ kernel_shape: ints([3, 3]), strides: ints([2, 2]) }))],
    ['with pads', () => chain(pool({ ...PAIR, pads: ints([1, 1, 1, 1]) }))],
    [
      'that reaches beyond the end',
      () => chain(pool({ kernel_shape: ints([4, 4]), strides: ints([4, 4]), ceil_mode: int(1) })),
    ],
    ['with dilations', () => chain(pool({ ...PAIR, dilations: ints([2, 2]) }))],
    ['behind what may fall', () => chain((b, x) => b.op('Neg', [x]), pool())],
    ['behind what is read twice', () => chain((b, x) => b.op('Add', [b.op('MaxPool', [x], SAMPLED), x]))],
  ])('leave alone a pool %s', async (_, make) => {
    const b = rewritten(make());
    expect([ops(b, 'PatchGemm'), ops(b, 'MaxPool'), ops(b, 'FirstMax')]).toEqual([1, 1, 0]);
    await same(make);
  });

  it('keeps a pool whose positions are asked for, or behind an output', () => {
    const b = chain();
    b.add(node('MaxPool', [b.producer('y')!.inputs[0]!], ['p', 'places'], PAIR));
    expect(ops(rewritten(b), 'FirstMax')).toBe(0);
    const c = new GraphBuilder();
    c.op('Conv', [c.input('x', [1, 1, 4, 4]), c.input('w', [1, 1, 3, 3])], SAME, 'y');
    c.op('MaxPool', ['y'], PAIR, 'z');
    for (const o of ['y', 'z']) c.output(o);
    expect(ops(rewritten(c), 'FirstMax')).toBe(0);
    expect(rewritten(c).outputs.map((o) => [o.name, o.dims])).toEqual([
      ['y', [1, 1, 4, 4]],
      ['z', [1, 1, 2, 2]],
    ]);
  });

  it('leave constant, grouped and pointwise weights, and patches that take too much memory', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 4, 300, 300]);
    const large = b.op('Conv', [x, b.input('large', [4, 4, 7, 7])]);
    const grouped = b.op('Conv', [large, b.input('grouped', [4, 2, 3, 3])], { group: int(2) });
    const constant = b.constant(floats(new Float32Array(16 * 9), [4, 4, 3, 3]));
    const pointwise = b.op('Conv', [b.op('Conv', [grouped, constant]), b.input('pointwise', [4, 4, 1, 1])]);
    b.op('Conv', [pointwise, b.input('strided', [4, 4, 1, 1])], { strides: ints([2, 2]) }, 'y');
    b.output('y');
    const p = rewritten(b);
    expect([ops(p, 'Conv'), ops(p, 'PatchGemm')]).toEqual([4, 1]);
  });

  it.each([
    [4, 1],
    [70, 2],
  ])(
    'make patches of %d channels once or twice, for the layer and for its weight’s gradient',
    (channels, times) => {
      const b = new GraphBuilder();
      b.op('Conv', [b.input('x', [1, channels, 84, 84]), b.input('w', [2, channels, 3, 3])], SAME, 'y');
      b.output('y');
      const p = rewritten(b);
      p.op('ReduceSum', ['y'], { keepdims: int(0) }, 'loss');
      gradients(p, 'loss', ['w']);
      expect(p.nodes.filter((n) => n.op === 'Gather' && p.shape(n.outputs[0]!).length === 3).length).toBe(
        times,
      );
    },
  );
});

/** A pool that keeps the size. */
const SAMPLED = { kernel_shape: ints([1, 1]) };
