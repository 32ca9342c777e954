import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/gradient.js';
import { channelsLast } from '../../src/autodiff/layout.js';
import { crossEntropy } from '../../src/autodiff/loss.js';
import { lower } from '../../src/autodiff/lower.js';
import { patched } from '../../src/autodiff/patches.js';
import type { FloatTensor } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

/**
 * Whole networks, written twice: as an ONNX graph of which Lichen derives the gradients and ONNX Runtime runs
 * them, and in TensorFlow.js, which differentiates by itself, in JavaScript. Nothing is shared but the numbers.
 */
interface Network {
  /** Shape of the input [N, ...]; its first axis is the batch. */
  input: number[];
  /** Shapes of the parameters as ONNX has them: kernels [out, in, h, w], dense weights [out, in]. */
  parameters: Record<string, number[]>;
  /** Parameters that are constants of the graph and get no gradient. */
  frozen?: string[];
  /** Adds the network to a graph and returns the logits. */
  onnx(b: GraphBuilder, x: string): string;
  /** The same in TensorFlow.js: pictures are [N, H, W, C] and kernels [h, w, in, out]. */
  tfjs(x: tf.Tensor, p: (name: string) => tf.Tensor): tf.Tensor;
}

const BATCH = 5;
const CLASSES = 4;

const relu6 = (b: GraphBuilder, x: string) => b.op('Clip', [x, b.scalar(0), b.scalar(6)]);
const pooled = (b: GraphBuilder, x: string) =>
  b.op('Flatten', [b.op('GlobalAveragePool', [x])], { axis: int(1) });
const dense = (b: GraphBuilder, x: string, name: string) =>
  b.op('Gemm', [x, `${name}.w`, `${name}.b`], { transB: int(1) });
const conv = (
  b: GraphBuilder,
  x: string,
  name: string,
  attributes: { stride?: number; pad?: number; group?: number } = {},
) => {
  const { stride = 1, pad = 0, group = 1 } = attributes;
  return b.op('Conv', [x, `${name}.w`, `${name}.b`], {
    strides: ints([stride, stride]),
    pads: ints([pad, pad, pad, pad]),
    group: int(group),
  });
};

type Parameters = (name: string) => tf.Tensor;
const tfDense = (x: tf.Tensor, p: Parameters, name: string) =>
  tf.add(tf.matMul(x, p(`${name}.w`), false, true), p(`${name}.b`));
const tfConv = (x: tf.Tensor, p: Parameters, name: string, stride = 1, pad = 0) =>
  tf.add(
    tf.conv2d(
      picture(
        tf.pad(x, [
          [0, 0],
          [pad, pad],
          [pad, pad],
          [0, 0],
        ]),
      ),
      kernel(p(`${name}.w`)),
      stride,
      'valid',
    ),
    p(`${name}.b`),
  );
const tfDepthwise = (x: tf.Tensor, p: Parameters, name: string, stride = 1, pad = 0) => {
  const filter = tf.transpose(p(`${name}.w`), [2, 3, 0, 1]);
  const padded = tf.pad(x, [
    [0, 0],
    [pad, pad],
    [pad, pad],
    [0, 0],
  ]);
  return tf.add(tf.depthwiseConv2d(picture(padded), picture(filter), stride, 'valid'), p(`${name}.b`));
};
const tfRelu6 = (x: tf.Tensor) => tf.clipByValue(x, 0, 6);
const tfPooled = (x: tf.Tensor) => tf.mean(x, [1, 2]);
const tfHardSigmoid = (x: tf.Tensor) => tf.clipByValue(tf.add(tf.div(x, 6), 0.5), 0, 1);
const kernel = (w: tf.Tensor) => picture(tf.transpose(w, [2, 3, 1, 0]));

function picture(t: tf.Tensor): tf.Tensor4D {
  const [n, h, w, c] = t.shape as [number, number, number, number];
  return tf.reshape(t, [n, h, w, c]);
}

const INVERTED = 'inverted residuals: depthwise, relu6, a skip and a stride';

const networks: Record<string, Network> = {
  'a small conv net with strides and pools': {
    input: [BATCH, 3, 9, 9],
    parameters: {
      'c1.w': [6, 3, 3, 3],
      'c1.b': [6],
      'c2.w': [8, 6, 3, 3],
      'c2.b': [8],
      'head.w': [CLASSES, 8 * 2 * 2],
      'head.b': [CLASSES],
    },
    onnx: (b, x) => {
      const one = b.op('Relu', [conv(b, x, 'c1', { pad: 1 })]);
      const small = b.op('MaxPool', [one], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
      const two = b.op('Tanh', [conv(b, small, 'c2', { stride: 1, pad: 1 })]);
      const mean = b.op('AveragePool', [two], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
      return dense(b, b.op('Flatten', [mean], { axis: int(1) }), 'head');
    },
    tfjs: (x, p) => {
      const one = tf.relu(tfConv(x, p, 'c1', 1, 1));
      const two = tf.tanh(tfConv(tf.maxPool(picture(one), 2, 2, 'valid'), p, 'c2', 1, 1));
      const mean = tf.avgPool(picture(two), 2, 2, 'valid');
      return tfDense(tf.reshape(tf.transpose(mean, [0, 3, 1, 2]), [BATCH, 32]), p, 'head');
    },
  },
  [INVERTED]: {
    input: [BATCH, 6, 6, 6],
    parameters: {
      'expand.w': [12, 6, 1, 1],
      'expand.b': [12],
      'depth.w': [12, 1, 3, 3],
      'depth.b': [12],
      'project.w': [6, 12, 1, 1],
      'project.b': [6],
      'down.w': [6, 1, 3, 3],
      'down.b': [6],
      'last.w': [10, 6, 1, 1],
      'last.b': [10],
      'head.w': [CLASSES, 10],
      'head.b': [CLASSES],
    },
    onnx: (b, x) => {
      const expanded = relu6(b, conv(b, x, 'expand'));
      const depth = relu6(b, conv(b, expanded, 'depth', { pad: 1, group: 12 }));
      const skip = b.op('Add', [conv(b, depth, 'project'), x]);
      const down = relu6(b, conv(b, skip, 'down', { stride: 2, pad: 1, group: 6 }));
      return dense(b, pooled(b, relu6(b, conv(b, down, 'last'))), 'head');
    },
    tfjs: (x, p) => {
      const expanded = tfRelu6(tfConv(x, p, 'expand'));
      const depth = tfRelu6(tfDepthwise(expanded, p, 'depth', 1, 1));
      const skip = tf.add(tfConv(depth, p, 'project'), x);
      const down = tfRelu6(tfDepthwise(skip, p, 'down', 2, 1));
      return tfDense(tfPooled(tfRelu6(tfConv(down, p, 'last'))), p, 'head');
    },
  },
  'a multilayer perceptron': {
    input: [BATCH, 12],
    parameters: {
      'one.w': [16, 12],
      'one.b': [16],
      'two.w': [9, 16],
      'two.b': [9],
      'head.w': [CLASSES, 9],
      'head.b': [CLASSES],
    },
    onnx: (b, x) => {
      const one = b.op('Relu', [dense(b, x, 'one')]);
      return dense(b, b.op('Sigmoid', [dense(b, one, 'two')]), 'head');
    },
    tfjs: (x, p) => tfDense(tf.sigmoid(tfDense(tf.relu(tfDense(x, p, 'one')), p, 'two')), p, 'head'),
  },
  'squeeze and excitation with hard-swish': {
    input: [BATCH, 4, 6, 6],
    parameters: {
      'stem.w': [8, 4, 3, 3],
      'stem.b': [8],
      'reduce.w': [6, 8, 1, 1],
      'reduce.b': [6],
      'excite.w': [8, 6, 1, 1],
      'excite.b': [8],
      'last.w': [10, 8, 1, 1],
      'last.b': [10],
      'head.w': [CLASSES, 10],
      'head.b': [CLASSES],
    },
    onnx: (b, x) => {
      const stem = b.op('HardSwish', [conv(b, x, 'stem', { stride: 2, pad: 1 })]);
      const squeezed = b.op('Relu', [conv(b, b.op('GlobalAveragePool', [stem]), 'reduce')]);
      const gate = b.op('HardSigmoid', [conv(b, squeezed, 'excite')], {
        alpha: { kind: 'float', value: 1 / 6 },
      });
      const last = b.op('HardSwish', [conv(b, b.op('Mul', [stem, gate]), 'last')]);
      return dense(b, pooled(b, last), 'head');
    },
    tfjs: (x, p) => {
      const hardSwish = (t: tf.Tensor) => tf.mul(t, tfHardSigmoid(t));
      const stem = hardSwish(tfConv(x, p, 'stem', 2, 1));
      const squeezed = tf.relu(tfConv(tf.mean(stem, [1, 2], true), p, 'reduce'));
      const gate = tfHardSigmoid(tfConv(squeezed, p, 'excite'));
      return tfDense(tfPooled(hardSwish(tfConv(tf.mul(stem, gate), p, 'last'))), p, 'head');
    },
  },
};

networks['inverted residuals with frozen depthwise kernels'] = {
  ...networks[INVERTED]!,
  frozen: ['depth.w', 'down.w'],
};

interface Numbers {
  x: Float32Array;
  targets: Float32Array;
  parameters: Map<string, { dims: number[]; data: Float32Array }>;
}

function numbersFor({ input, parameters }: Network, seed: number): Numbers {
  const random = new Random(seed);
  const draw = (dims: readonly number[], deviation: number) =>
    Float32Array.from({ length: sizeOf(dims) }, () => deviation * random.normal());
  const weights = Object.entries(parameters).map(([name, dims]) => {
    const fan = name.endsWith('.w') ? sizeOf(dims.slice(1)) : 10;
    return [name, { dims, data: draw(dims, Math.sqrt(2 / fan)) }] as const;
  });
  const targets = new Float32Array(BATCH * CLASSES);
  for (let row = 0; row < BATCH; row++) targets[row * CLASSES + Math.floor(random.next() * CLASSES)] = 1;
  return { x: draw(input, 1), targets, parameters: new Map(weights) };
}

/** Names of the parameters that get a gradient. */
const trained = ({ parameters, frozen }: Network) =>
  Object.keys(parameters).filter((name) => !frozen?.includes(name));

/** `products of patches` are in channels-last, too. */
const FORMS = ['as written', 'channels-last', 'products of patches'] as const;

type Gradients = { loss: number; gradients: Map<string, Float32Array> };

/** By Lichen's rules in ONNX Runtime, in the layout that the network is written in, in channels-last, or as it is trained. */
async function derived(network: Network, numbers: Numbers, form: (typeof FORMS)[number]): Promise<Gradients> {
  const forward = new GraphBuilder();
  forward.input('x', network.input);
  const feeds: Record<string, FloatTensor> = {};
  for (const [name, { dims, data }] of numbers.parameters) {
    if (network.frozen?.includes(name)) forward.constant(floats(data, dims), name);
    else feeds[forward.input(name, dims)] = { dims, data };
  }
  const logits = forward.op('Identity', [network.onnx(forward, 'x')], {}, 'logits');
  forward.output(logits);
  const products =
    form === 'products of patches' ? patched(forward.graph(), (name) => forward.shape(name)) : forward;
  const b = form === 'as written' ? forward : channelsLast(products.graph(), (name) => products.shape(name));
  b.input('targets', [BATCH, CLASSES]);
  crossEntropy(b, logits, 'targets');
  const names = trained(network);
  const found = gradients(b, 'loss', names);
  b.outputs.length = 0;
  for (const output of ['loss', ...found.values()]) b.output(output);
  const program = await new OrtEngine().compile(lower(b.model()));
  try {
    const results = await program.run({
      ...feeds,
      x: { dims: network.input, data: numbers.x },
      targets: { dims: [BATCH, CLASSES], data: numbers.targets },
    });
    const of = (name: string) => results[found.get(name)!]!.data;
    return { loss: results.loss!.data[0]!, gradients: new Map(names.map((n) => [n, of(n)])) };
  } finally {
    await program.close();
  }
}

/** By TensorFlow.js's own differentiation. */
function differentiated(network: Network, numbers: Numbers): Gradients {
  const names = trained(network);
  const tensorOf = (name: string) => {
    const { data, dims } = numbers.parameters.get(name)!;
    return tf.tensor(data, dims);
  };
  const [loss, ...found] = tf.tidy(() => {
    const frozen = new Map((network.frozen ?? []).map((name) => [name, tensorOf(name)]));
    const x = tf.tensor(numbers.x, network.input);
    const pictures = network.input.length === 4 ? tf.transpose(x, [0, 2, 3, 1]) : x;
    const targets = tf.tensor(numbers.targets, [BATCH, CLASSES]);
    const { value, grads } = tf.valueAndGrads((...p: tf.Tensor[]) => {
      const logits = network.tfjs(pictures, (name) => frozen.get(name) ?? p[names.indexOf(name)]!);
      return tf.div(tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), targets))), BATCH);
    })(names.map(tensorOf));
    return [value, ...grads];
  });
  const numbersOf = (t: tf.Tensor) => Float32Array.from(t.dataSync());
  const result = {
    loss: loss!.dataSync()[0]!,
    gradients: new Map(names.map((n, i) => [n, numbersOf(found[i]!)])),
  };
  tf.dispose([loss!, ...found]);
  return result;
}

/** Euclidean distance of two gradients, relative to the length of the expected one. */
function relativeDistance(found: Float32Array, expected: Float32Array): number {
  let apart = 0;
  let length = 0;
  expected.forEach((v, i) => {
    apart += (found[i]! - v) ** 2;
    length += v * v;
  });
  return Math.sqrt(apart / length);
}

describe('gradients of whole networks are those of TensorFlow.js', () => {
  beforeAll(async () => {
    // In production it does not greet on the console.
    tf.env().set('PROD', true);
    await tf.setBackend('cpu');
  });

  describe.each(Object.entries(networks))('%s', (_, network) => {
    it.each([
      ['as written', 1],
      ['as written', 2],
      ['channels-last', 3],
      ['products of patches', 4],
    ] as const)('%s (%#)', async (form, seed) => {
      const numbers = numbersFor(network, seed);
      const expected = differentiated(network, numbers);
      const found = await derived(network, numbers, form);
      expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-5 * expected.loss);
      for (const [name, gradient] of expected.gradients) {
        expect(
          gradient.some((v) => v !== 0),
          `the gradient of ${name} is not zero`,
        ).toBe(true);
        expect(found.gradients.get(name)!.length).toBe(gradient.length);
        expect(relativeDistance(found.gradients.get(name)!, gradient), `d loss / d ${name}`).toBeLessThan(
          1e-4,
        );
      }
    });
  });
});
