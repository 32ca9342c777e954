import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/gradient.js';
import { lower } from '../../src/autodiff/lower.js';
import { mul, reshape } from '../../src/autodiff/rule.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { float } from '../../src/onnx/model.js';

const engine = new OrtEngine();

/** d(sum of y)/dx at every value of x, where y = f(x). */
async function slopes(values: number[], f: (b: GraphBuilder, x: string) => string): Promise<number[]> {
  const b = new GraphBuilder();
  const x = b.input('x', [values.length]);
  const loss = b.op('ReduceSum', [f(b, x)], { keepdims: { kind: 'int', value: 0 } });
  const dx = gradients(b, loss, [x]).get(x)!;
  b.output(dx);
  const program = await engine.compile(lower(b.model()), { threads: 1 });
  const result = await program.run({ x: { dims: [values.length], data: Float32Array.from(values) } });
  await program.close();
  return [...result[dx]!.data];
}

const next = (value: number, ulps: number) => {
  const view = new Int32Array(Float32Array.of(value).buffer);
  view[0]! += ulps;
  return new Float32Array(view.buffer)[0]!;
};

describe('a gate', () => {
  it('of relu opens at the smallest value above zero, and never at zero', async () => {
    expect(await slopes([-1e30, -1e-25, 0, 1e-25, 1, 1e30], (b, x) => b.op('Relu', [x]))).toEqual([
      0, 0, 0, 1, 1, 1,
    ]);
  });

  it('of relu6 is exact to the last bit below the upper limit', async () => {
    const six = [next(6, -1), 6, next(6, 1), 1e30, -1, 0, 1e-6];
    const relu6 = (b: GraphBuilder, x: string) => b.op('Clip', [x, b.scalar(0), b.scalar(6)]);
    expect(await slopes(six, relu6)).toEqual([1, 0, 0, 0, 0, 0, 1]);
  });

  it.each([
    ['limits with no middle in single precision', 0.1, 0.7],
    ['limits of which one is no power of two away', -1, 1000],
    ['limits that would overflow a steep gate', -1e30, 1e30],
    ['limits so close that nothing lies between', 1, next(1, 1)],
  ])('of a clip holds for %s', async (_, low, high) => {
    const lo = Math.fround(low);
    const hi = Math.fround(high);
    const inside = Math.fround((lo + hi) / 2);
    const expected = [0, 0, inside > lo && inside < hi ? 1 : 0, 0, 0];
    const clip = (b: GraphBuilder, x: string) => b.op('Clip', [x, b.scalar(lo), b.scalar(hi)]);
    expect(await slopes([next(lo, lo < 0 ? 1 : -1), lo, inside, hi, next(hi, 1)], clip)).toEqual(expected);
  });

  it.each([
    ['infinity', Number.POSITIVE_INFINITY],
    ['the largest number', 3.4028234663852886e38],
    ['a large number', 1e6],
  ])('of a clip from zero to %s opens at the smallest value above zero', async (_, high) => {
    const clip = (b: GraphBuilder, x: string) => b.op('Clip', [x, b.scalar(0), b.scalar(high)]);
    expect(await slopes([-1, 0, 1e-6, 1, 1e4], clip)).toEqual([0, 0, 1, 1, 1]);
    const mirrored = (b: GraphBuilder, x: string) => b.op('Clip', [x, b.scalar(-high), b.scalar(0)]);
    expect(await slopes([1, 0, -1e-6, -1, -1e4], mirrored)).toEqual([0, 0, 1, 1, 1]);
  });

  it('of a clip with one limit leaves the other side open', async () => {
    const below = (b: GraphBuilder, x: string) => b.op('Clip', [x, '', b.scalar(2)]);
    expect(await slopes([-1e30, 1.5, 2, 3], below)).toEqual([1, 1, 0, 0]);
  });

  it('of a threshold lies just above it', async () => {
    const b = new GraphBuilder();
    const mask = b.input('mask', [3]);
    b.output(b.op('Binarize', [mask], { threshold: float(5e-3) }, 'bits'));
    const program = await engine.compile(lower(b.model()), { threads: 1 });
    const at = Math.fround(5e-3);
    const data = Float32Array.of(next(at, -1), at, next(at, 1));
    const { bits } = await program.run({ mask: { dims: [3], data } });
    expect([...bits!.data]).toEqual([0, 0, 1]);
    await program.close();
  });
});

describe('mul', () => {
  it('broadcasts what was only expanded, also after a reshape, instead of multiplying the expanded', async () => {
    const b = new GraphBuilder();
    const small = b.input('small', [2, 1, 3]);
    const wide = b.op('Expand', [small, b.ints(2, 2, 3)]);
    const rows = reshape(b, wide, [4, 3]);
    const product = mul(b, rows, b.input('other', [4, 3]));
    b.output(product);
    const model = lower(b.model());
    expect(model.graph.nodes.map((n) => n.op)).not.toContain('Expand');
    const program = await engine.compile(model, { threads: 1 });
    const result = await program.run({
      small: { dims: [2, 1, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      other: { dims: [4, 3], data: Float32Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4) },
    });
    expect(result[product]!.dims).toEqual([4, 3]);
    expect([...result[product]!.data]).toEqual([1, 2, 3, 2, 4, 6, 12, 15, 18, 16, 20, 24]);
    await program.close();
  });

  it('does not mistake shapes of equal size for equal shapes', () => {
    const b = new GraphBuilder();
    const row = b.op('Expand', [b.input('one', [1, 1]), b.ints(1, 3)]);
    expect(b.shape(mul(b, row, b.input('column', [3, 1])))).toEqual([3, 3]);
  });
});
