import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/autodiff/gradient.js';
import { lower } from '../../../src/autodiff/lower.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { type Attribute, float, floats, int } from '../../../src/onnx/model.js';
import { checkGradient } from '../numeric.js';

/** d(sum of op(x)) / dx at chosen values, exactly as the graph computes it. */
async function slopes(
  op: string,
  at: number[],
  attributes: Record<string, Attribute> = {},
  constants: number[] = [],
) {
  const b = new GraphBuilder();
  b.input('x', [at.length]);
  const y = b.op(op, ['x', ...constants.map((c) => b.scalar(c))], attributes);
  b.op('ReduceSum', [y], { keepdims: int(0) }, 'loss');
  const g = gradients(b, 'loss', ['x']).get('x')!;
  b.op('Identity', [g], {}, 'g');
  b.output('g');
  const program = await new OrtEngine().compile(lower(b.model()));
  const out = await program.run({ x: { dims: [at.length], data: Float32Array.from(at) } });
  await program.close();
  return [...out.g!.data];
}

describe('binary operators', () => {
  const shapes: [number[], number[]][] = [
    [[1], [3, 1, 2]],
    [[2, 3], []],
    [
      [1, 1],
      [2, 2],
    ],
    [
      [2, 1, 1],
      [1, 3, 2],
    ],
    [[3], [1]],
  ];
  const all = ['Add', 'Sub', 'Mul', 'Div', 'Pow'].flatMap((op) => shapes.map((s) => [op, ...s] as const));
  it.each(all)('%s of [%s] and [%s]', (op, p, q) =>
    checkGradient({ shapes: [p, q], low: 0.6, high: 2, build: (b, x) => b.op(op, x) }),
  );

  it.each(['Add', 'Sub', 'Mul', 'Div', 'Pow'])('%s of a tensor and itself', (op) =>
    checkGradient({ shapes: [[2, 2]], low: 0.6, high: 2, build: (b, [x]) => b.op(op, [x!, x!]) }),
  );

  it('Div and Pow where the left is negative', async () => {
    await checkGradient({
      shapes: [[2, 3]],
      build: (b, [x]) => b.op('Div', [x!, b.constant(floats([-0.5, 2, 3], [3]))]),
    });
    for (const power of [2, 3]) {
      await checkGradient({ shapes: [[2, 3]], build: (b, [x]) => b.op('Pow', [x!, b.scalar(power)]) });
    }
  });
});

describe('operators with attributes, beside their defaults', () => {
  it.each<[string, Record<string, Attribute>, number[]]>([
    ['LeakyRelu', {}, [0]],
    ['LeakyRelu', { alpha: float(-0.5) }, [0]],
    ['HardSigmoid', { alpha: float(0.5), beta: float(0.25) }, [-0.5, 1.5]],
    ['HardSigmoid', { alpha: float(1 / 6), beta: float(0.5) }, [-3, 3]],
  ])('%s %j', (op, attributes, kinks) =>
    checkGradient({
      shapes: [[4, 5]],
      low: -4,
      high: 4,
      kinks,
      build: (b, [x]) => b.op(op, [x!], attributes),
    }),
  );

  it('Clip without bounds, and to a range that is far from zero', async () => {
    await checkGradient({ shapes: [[5]], build: (b, [x]) => b.op('Clip', [x!]) });
    await checkGradient({
      shapes: [[12]],
      low: 95,
      high: 110,
      kinks: [100, 105],
      build: (b, [x]) => b.op('Clip', [x!, b.scalar(100), b.scalar(105)]),
    });
  });

  it('unary operators on a scalar and on four axes', async () => {
    for (const dims of [[], [2, 1, 3, 2]]) {
      for (const op of ['Tanh', 'Erf', 'Exp', 'Neg']) {
        await checkGradient({ shapes: [dims], build: (b, [x]) => b.op(op, [x!]) });
      }
    }
  });
});

describe('slopes far from where anything happens, and close to it', () => {
  it('Relu passes what is ever so little above zero, and nothing else', async () => {
    const tiny = 1e-20;
    expect(await slopes('Relu', [-5, -tiny, 0, tiny, 1e-3, 1e8])).toEqual([0, 0, 0, 1, 1, 1]);
  });

  it('Clip passes what lies within, at any magnitude', async () => {
    expect(await slopes('Clip', [-1, 1e-6, 3, 5.99999, 7, 1e10], {}, [0, 6])).toEqual([0, 1, 1, 1, 0, 0]);
    expect(await slopes('Clip', [-2e10, 0, 5e9, 3e10], {}, [-1e10, 1e10])).toEqual([0, 1, 1, 0]);
  });

  it('Sigmoid, Tanh and Erf become flat, and never NaN', async () => {
    for (const op of ['Sigmoid', 'Tanh', 'Erf']) {
      const [low, high] = await slopes(op, [-200, 200]);
      expect([low, high]).toEqual([0, 0]);
    }
  });

  it('HardSwish is flat below -3 and the identity above 3', async () => {
    const found = await slopes('HardSwish', [-10, -4, 4, 10]);
    [0, 0, 1, 1].forEach((wanted, i) => {
      expect(found[i]).toBeCloseTo(wanted, 6);
    });
  });
});
