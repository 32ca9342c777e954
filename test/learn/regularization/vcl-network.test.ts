import { afterAll, describe, expect, it } from 'vitest';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { lower } from '../../../src/autodiff/lower.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { FineTuning } from '../../../src/learn/isolation/fine-tuning.js';
import { GaussianWeights, LOG_VARIANCE } from '../../../src/learn/regularization/vcl-network.js';
import type { Crown, Isolation, TrainableNetwork } from '../../../src/learn/strategy.js';
import { fillNormal } from '../../../src/normal.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { inline } from '../../../src/onnx/inline.js';
import { float, floats, int, sizeOf } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import { checkGradient } from '../../autodiff/numeric.js';
import { smallCrown } from '../small-crown.js';

const engine = new OrtEngine();
const closers: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closers.map((close) => close())));

type Values = Map<string, Float32Array>;

/** Compiles a network; what is run gives its features. */
async function compiled(isolation: Isolation, crown: Crown, batch: number) {
  const network = isolation.network({ crown, earlier: [] }, batch, new Random(1));
  network.builder.output(network.features);
  const program = await engine.compile(lower(network.builder.model()), { threads: 1 });
  closers.push(() => program.close());
  const run = async (x: Float32Array, values: Values, random?: Random) => {
    const feeds = Object.fromEntries(
      network.parameters.map((p) => [p.name, { dims: p.dims, data: values.get(p.name)! }]),
    );
    for (const [name, dims] of network.noise ?? []) {
      const data = new Float32Array(sizeOf(dims));
      if (random) fillNormal(data, random);
      feeds[name] = { dims, data };
    }
    feeds[crown.latent] = { dims: [batch, ...crown.latentShape], data: x };
    return (await program.run(feeds))[network.features]!.data;
  };
  return { network, run };
}

/** Distributions for a network's parameters: wide enough that every weight's spread shows. */
function spread({ parameters }: TrainableNetwork, seed: number): Values {
  const random = new Random(seed);
  return new Map(
    parameters.map((p) => {
      const initial = p.name.endsWith(LOG_VARIANCE)
        ? p.initial.map(() => -3 + 2 * random.next())
        : p.initial.map(() => random.normal());
      return [p.name, initial];
    }),
  );
}

/** One layer without anything after it. */
function oneLayer(op: 'Gemm' | 'MatMul'): Crown {
  const random = new Random(3);
  const b = new GraphBuilder();
  const x = b.input('x', [1, 6]);
  const normal = (...dims: number[]) =>
    b.constant(
      floats(
        Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
        dims,
      ),
    );
  const attributes = { transB: int(1), alpha: float(0.5), beta: float(2) };
  if (op === 'Gemm') b.op('Gemm', [x, normal(4, 6), normal(4)], attributes, 'y');
  else b.op('MatMul', [x, normal(6, 4)], {}, 'y');
  b.output('y');
  return { graph: b.graph(), latent: 'x', latentShape: [6], features: 'y' };
}

/** A convolution without anything after it. */
function oneConvolution(): Crown {
  const random = new Random(3);
  const b = new GraphBuilder();
  const x = b.input('x', [1, 2, 5, 5]);
  const normal = (...dims: number[]) =>
    b.constant(
      floats(
        Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
        dims,
      ),
    );
  b.op('Flatten', [b.op('Conv', [x, normal(3, 2, 3, 3), normal(3)])], {}, 'y');
  b.output('y');
  return { graph: b.graph(), latent: 'x', latentShape: [2, 5, 5], features: 'y' };
}

/** Mean and variance of every column. */
function moments(rows: readonly Float32Array[]) {
  const width = rows[0]!.length;
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  for (const row of rows) {
    row.forEach((v, k) => {
      mean[k]! += v / rows.length;
      square[k]! += (v * v) / rows.length;
    });
  }
  return { mean, variance: square.map((s, k) => s - mean[k]! ** 2) };
}

describe('drawing the outputs of a layer', () => {
  const DRAWS = 4000;
  it.each([
    ['a Gemm with factors', oneLayer('Gemm'), DRAWS],
    // The bias is a parameter by itself, and drawn once for all rows.
    ['a product with a bias', oneLayer('MatMul'), 1],
    ['a convolution', oneConvolution(), DRAWS],
  ])('gives the mean and variance that drawing its weights gives: %s', async (_what, crown, rows) => {
    const point = new FineTuning(1e-3);
    const drawn = await compiled(new GaussianWeights(point, -6), crown, rows);
    const plain = await compiled(point, crown, 1);
    const values = spread(drawn.network, 4);
    const x = Float32Array.from({ length: sizeOf(crown.latentShape) }, (_, i) => Math.sin(3 * i + 1));
    const random = new Random(5);
    const repeated = Float32Array.from({ length: rows * x.length }, (_, i) => x[i % x.length]!);
    const local: Float32Array[] = [];
    while (local.length < DRAWS) {
      const y = await drawn.run(repeated, values, random);
      for (let row = 0; row < rows; row++)
        local.push(y.slice((row * y.length) / rows, ((row + 1) * y.length) / rows));
    }
    const sampled: Float32Array[] = [];
    for (let i = 0; i < DRAWS; i++) {
      const weights: Values = new Map(
        plain.network.parameters.map(({ name }) => {
          const deviation = values.get(name + LOG_VARIANCE)!;
          return [name, values.get(name)!.map((m, k) => m + Math.exp(deviation[k]! / 2) * random.normal())];
        }),
      );
      sampled.push(Float32Array.from(await plain.run(x, weights)));
    }
    const [a, b] = [moments(local), moments(sampled)];
    a.variance.forEach((variance, k) => {
      // Five standard errors of the difference of two means, and of two variances.
      expect(Math.abs(a.mean[k]! - b.mean[k]!)).toBeLessThan(5 * Math.sqrt((2 * variance) / DRAWS));
      expect(Math.abs(variance / b.variance[k]! - 1)).toBeLessThan(5 * Math.sqrt(4 / DRAWS));
    });
  });

  it('draws each row by itself', async () => {
    const { network, run } = await compiled(new GaussianWeights(new FineTuning(1), -6), oneLayer('Gemm'), 2);
    const x = new Float32Array(12).fill(1);
    const y = await run(x, spread(network, 4), new Random(1));
    expect(y.slice(0, 4)).not.toEqual(y.slice(4));
  });

  it('gives the network of the means where nothing is drawn, whatever the network', async () => {
    const point = new FineTuning(1e-3);
    for (const crown of [mlp(20, [8, 6], 1), convNet(8, 1), smallCrown()]) {
      const drawn = await compiled(new GaussianWeights(point, -6), crown, 3);
      const plain = await compiled(point, crown, 3);
      const values = spread(drawn.network, 2);
      const x = Float32Array.from({ length: 3 * sizeOf(crown.latentShape) }, (_, i) => Math.sin(i));
      const [a, b] = [await drawn.run(x, values), await plain.run(x, values)];
      a.forEach((v, i) => {
        expect(Math.abs(v - b[i]!)).toBeLessThan(1e-4 * (1 + Math.abs(b[i]!)));
      });
      // Every parameter has a distribution.
      expect(drawn.network.parameters).toHaveLength(2 * plain.network.parameters.length);
    }
  });

  it('draws a weight that two layers share once for both', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 4]);
    const tied: Isolation = {
      ...{ name: 'tied', freeze: () => new Map(), withoutFeatures: (_c: unknown, t: never) => t },
      deploy: () => ({ features: 'y', maps: [], vectors: [] }),
      network: () => {
        const w = b.input('w', [4, 4]);
        const y = b.op('MatMul', [b.op('Relu', [b.op('MatMul', [x, w])]), w], {}, 'y');
        const initial = new Float32Array(16).fill(0.1);
        return {
          builder: b,
          parameters: [{ name: 'w', dims: [4, 4], initial, learningRate: 1 }],
          features: y,
        };
      },
    };
    const network = new GaussianWeights(tied, -6).network(
      { crown: oneLayer('Gemm'), earlier: [] },
      1,
      new Random(1),
    );
    expect([...network.noise!]).toEqual([['w.noise', [4, 4]]]);
  });
});

describe('gradients through the draws', () => {
  it.each([
    ['Gemm', oneLayer('Gemm')],
    ['MatMul', oneLayer('MatMul')],
    ['Conv', oneConvolution()],
  ])('%s: means and log-variances', async (_op, crown) => {
    const isolation = new GaussianWeights(new FineTuning(1), -6);
    const { builder, parameters, features, noise } = isolation.network(
      { crown, earlier: [] },
      2,
      new Random(1),
    );
    const random = new Random(8);
    await checkGradient({
      shapes: parameters.map((p) => [...p.dims]),
      low: -1,
      high: 1,
      build: (b, inputs) => {
        const drawn = (dims: readonly number[]) =>
          b.constant(
            floats(
              Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
              dims,
            ),
          );
        const fed = new Map(parameters.map((p, i) => [p.name, inputs[i]!]));
        for (const [name, dims] of noise!) fed.set(name, drawn(dims));
        fed.set('x', drawn([2, ...crown.latentShape]));
        return inline(b, builder.graph(), fed).get(features)!;
      },
    });
  });
});
