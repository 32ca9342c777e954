import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/gradient.js';
import { channelsLast } from '../../src/autodiff/layout.js';
import { lower } from '../../src/autodiff/lower.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

const LAYERS = [
  ...['pointwise', 'pointwise', 'pointwise', 'depthwise', 'dense', 'activation', 'per channel', 'number'],
  ...['slope', 'residual', 'max pool', 'average pool', 'block', 'norm', 'there', 'full size'],
] as const;
const END = ['none', 'global pool', 'mean', 'mean, no axes left'] as const;

interface Network {
  spatial: number[];
  layers: (typeof LAYERS)[number][];
  end: (typeof END)[number];
}

/** Adds a chain of layers of equal width to a builder; its output is `y`. */
function build({ spatial, layers, end }: Network): GraphBuilder {
  const b = new GraphBuilder();
  const channels = 3;
  const rank = spatial.length + 2;
  const same = ints([...spatial.map(() => 1), ...spatial.map(() => 1)]);
  const kernel = spatial.map(() => 3);
  const last = ints([0, ...spatial.map((_, i) => i + 2), 1]);
  const first = ints([0, rank - 1, ...spatial.map((_, i) => i + 1)]);
  const wide = spatial.map(() => 1);
  const parameter = (...dims: number[]) => b.input(b.fresh('p'), dims);
  const norm = (x: string) => {
    const t = b.op('Transpose', [x], { perm: last });
    return b.op('LayerNormalization', [t, parameter(channels), parameter(channels)], {
      epsilon: { kind: 'float', value: 0.1 },
    });
  };
  let x = b.input('x', [2, channels, ...spatial]);
  const earlier = [x];
  for (const layer of layers) {
    const before = x;
    switch (layer) {
      case 'pointwise':
        x = b.op('Conv', [x, parameter(channels, channels, ...wide), parameter(channels)]);
        break;
      case 'depthwise':
        x = b.op('Conv', [x, parameter(channels, 1, ...kernel)], { group: int(channels), pads: same });
        break;
      case 'dense':
        x = b.op('Conv', [x, parameter(channels, channels, ...kernel)], { pads: same });
        break;
      case 'activation':
        x = b.op('Elu', [b.op('Tanh', [x])]);
        break;
      case 'per channel':
        x = b.op('Add', [b.op('Mul', [x, parameter(channels, ...wide)]), parameter(1, channels, ...wide)]);
        break;
      case 'number':
        x = b.op('Clip', [b.op('Mul', [b.scalar(0.9), x]), b.scalar(-50), b.scalar(50)]);
        break;
      case 'slope':
        x = b.op('PRelu', [x, parameter(channels, ...wide)]);
        break;
      case 'residual':
        x = b.op('Add', [x, earlier[Math.floor(earlier.length / 2)]!]);
        break;
      case 'max pool':
        x = b.op('MaxPool', [x], { kernel_shape: ints(kernel), pads: same });
        break;
      case 'average pool':
        x = b.op('AveragePool', [x], { kernel_shape: ints(kernel), pads: same });
        break;
      case 'block': {
        const h = b.op('Add', [b.op('MatMul', [norm(x), parameter(channels, 4)]), parameter(4)]);
        const y = b.op('MatMul', [b.op('Mul', [h, b.op('Sigmoid', [h])]), parameter(4, channels)]);
        x = b.op('Add', [b.op('Transpose', [y], { perm: first }), before]);
        break;
      }
      case 'norm':
        x = b.op('Transpose', [norm(x)], { perm: first });
        break;
      case 'there':
        x = b.op('Transpose', [b.op('Tanh', [b.op('Transpose', [x], { perm: last })])], { perm: first });
        break;
      case 'full size':
        x = b.op('Mul', [x, parameter(2, channels, ...spatial)]);
        break;
    }
    earlier.push(x);
  }
  if (end === 'global pool') x = b.op('GlobalAveragePool', [x]);
  const axes = ints(spatial.map((_, i) => (i % 2 ? i + 2 : i - spatial.length)));
  if (end.startsWith('mean')) x = b.op('ReduceMean', [x], { axes, keepdims: int(end === 'mean' ? 1 : 0) });
  b.op('Identity', [x], {}, 'y');
  b.output('y');
  return b;
}

/** Adds sum(r * y) with fixed r, its gradients of every input, and runs it all. */
async function run(
  b: GraphBuilder,
  feeds: Record<string, { dims: number[]; data: Float32Array }>,
): Promise<Map<string, number[]>> {
  const dims = b.shape('y');
  const weights = floats(
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.cos(i)),
    dims,
  );
  b.op('ReduceSum', [b.op('Mul', ['y', b.constant(weights)])], { keepdims: int(0) }, 'loss');
  const names = b.inputs.map((i) => i.name);
  const found = gradients(b, 'loss', names);
  for (const g of new Set(found.values())) b.output(g);
  const program = await new OrtEngine().compile(lower(b.model()), { threads: 1 });
  const out = await program.run(feeds);
  await program.close();
  const values = new Map([['y', [...out.y!.data]]]);
  for (const n of names) values.set(n, [...out[found.get(n)!]!.data]);
  return values;
}

describe('the channels-last layout of any chain of layers, of one to three spatial axes', () => {
  it('computes the same, and the same gradients of every parameter', async () => {
    const networks = fc.record({
      spatial: fc.constantFrom<number[]>([5], [4], [3, 4], [2, 3], [4, 2], [2, 2, 3]),
      layers: fc.array(fc.constantFrom(...LAYERS), { minLength: 1, maxLength: 7 }),
      end: fc.constantFrom(...END),
    });
    let changed = 0;
    const property = fc.asyncProperty(networks, async (network) => {
      const plain = build(network);
      const last = channelsLast(plain.graph(), (name) => plain.shape(name));
      last.output('y');
      expect(last.shape('y')).toEqual(plain.shape('y'));
      if (last.nodes.some((n) => n.op === 'Gemm')) changed++;
      const random = new Random(network.layers.length);
      const feeds = Object.fromEntries(
        plain.inputs.map((i) => {
          const dims = i.dims as number[];
          return [i.name, { dims, data: Float32Array.from({ length: sizeOf(dims) }, () => random.normal()) }];
        }),
      );
      const [expected, got] = [await run(plain, feeds), await run(last, feeds)];
      for (const [name, values] of expected) {
        const largest = Math.max(1, ...values.map(Math.abs));
        values.forEach((v, i) => {
          expect(Math.abs(got.get(name)![i]! - v) / largest, `${name}[${i}]`).toBeLessThan(2e-5);
        });
      }
    });
    await fc.assert(property, { numRuns: 150, seed: 1 });
    expect(changed).toBeGreaterThan(50);
  });

  it('needs no transposition for a normalization that follows a pointwise convolution', () => {
    const plain = build({
      spatial: [3, 4],
      layers: ['pointwise', 'norm', 'pointwise', 'block'],
      end: 'mean',
    });
    const last = channelsLast(plain.graph(), (name) => plain.shape(name));
    last.output('y');
    const { graph } = lower(last.model());
    // Only the input has to be turned; then all is channels-last up to the mean.
    expect(graph.nodes.filter((n) => n.op === 'Transpose').length).toBe(1);
  });
});
