import { fanInUniform, type Initializer } from '../../src/learn/sequence/initializer.js';
import type { Crown } from '../../src/learn/strategy.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

/**
 * Weights [units, ...] and biases [units] of layers as constants, drawn by the initializer.
 * @returns names of both
 */
function layerOf(b: GraphBuilder, random: Random, initializer: Initializer = fanInUniform) {
  return (name: string, dims: readonly number[]): [weight: string, bias: string] => {
    const [units, , ...kernel] = dims as [number, number, ...number[]];
    const fans = { fanIn: sizeOf(dims) / units, fanOut: units * sizeOf(kernel) };
    const drawn = (of: 'weight' | 'bias', suffix: string, size: readonly number[]) => {
      const values = Float32Array.from({ length: sizeOf(size) }, () => initializer(random, { ...fans, of }));
      return b.constant(floats(values, size), `${name}.${suffix}`);
    };
    return [drawn('weight', 'w', dims), drawn('bias', 'b', [units])];
  };
}

/**
 * A network of dense layers with ReLU; the head comes on top.
 * @param initializer what weights and biases begin with; `fanInUniform` without it
 */
export function mlp(
  inputs: number,
  hidden: readonly number[],
  seed: number,
  initializer?: Initializer,
): Crown {
  const b = new GraphBuilder();
  const layer = layerOf(b, new Random(seed), initializer);
  let x = b.input('x', [1, inputs]);
  let width = inputs;
  hidden.forEach((units, i) => {
    const y = b.op('Gemm', [x, ...layer(`dense${i}`, [units, width])], { transB: int(1) }, `dense${i}`);
    x = b.op('Relu', [y], {}, `dense${i}.relu`);
    width = units;
  });
  b.output(x);
  return { graph: b.graph(), latent: 'x', latentShape: [inputs], features: x };
}

/** A small convolutional network on grey pictures: two layers of 3 x 3 with pools, one dense layer. */
export function convNet(side: number, seed: number): Crown {
  const b = new GraphBuilder();
  const layer = layerOf(b, new Random(seed));
  let x = b.input('x', [1, 1, side, side]);
  let from = 1;
  [16, 32].forEach((channels, i) => {
    const inputs = [x, ...layer(`conv${i}`, [channels, from, 3, 3])];
    const attributes = { kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]) };
    const y = b.op('Relu', [b.op('Conv', inputs, attributes, `conv${i}`)], {}, `conv${i}.relu`);
    x = b.op('MaxPool', [y], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }, `pool${i}`);
    from = channels;
  });
  x = b.op('Flatten', [x], { axis: int(1) }, 'flat');
  const width = b.shape(x)[1]!;
  const y = b.op('Gemm', [x, ...layer('dense', [128, width])], { transB: int(1) }, 'dense');
  x = b.op('Relu', [y], {}, 'dense.relu');
  b.output(x);
  return { graph: b.graph(), latent: 'x', latentShape: [1, side, side], features: x };
}
