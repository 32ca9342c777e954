import type { Crown } from '../../src/learn/strategy.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints } from '../../src/onnx/model.js';
import { layerWeight } from './values.js';

/** Channels of the network of four convolutions, the picture's first. */
const CONVNET_CHANNELS = [3, 32, 64, 128, 128];
/** Input and output channels of the inverted residuals (Sandler et al. 2018, table 2, the last three). */
const MOBILENET_BLOCKS = [
  [160, 160],
  [160, 160],
  [160, 320],
] as const;
const EXPANSION = 6;
const MOBILENET_FEATURES = 1280;
/** Seed of a network's first layer; every further layer takes the next. As in the Python files. */
const FIRST_SEED = 10;

/** Four 3x3 convolutions on 32 x 32 x 3 with ReLU, three of them max-pooled; the mean over the rest. */
export function convNet(): Crown {
  const net = new Network('picture', [3, 32, 32]);
  let x = net.input;
  for (const [i, channels] of CONVNET_CHANNELS.slice(1).entries()) {
    x = net.b.op('Relu', [net.conv(x, [channels, CONVNET_CHANNELS[i]!, 3, 3])]);
    const pool = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
    if (i < CONVNET_CHANNELS.length - 2) x = net.b.op('MaxPool', [x], pool);
  }
  return net.crown(x);
}

/** MobileNetV2's last four blocks on [160, 7, 7], batch norm folded. */
export function mobileNetTop(): Crown {
  const net = new Network('latent', [160, 7, 7]);
  let x = net.input;
  for (const [from, to] of MOBILENET_BLOCKS) {
    const wide = EXPANSION * from;
    const expanded = net.relu6(net.conv(x, [wide, from, 1, 1]));
    const filtered = net.relu6(net.conv(expanded, [wide, 1, 3, 3], wide));
    const y = net.conv(filtered, [to, wide, 1, 1]);
    x = from === to ? net.b.op('Add', [x, y]) : y;
  }
  return net.crown(net.relu6(net.conv(x, [MOBILENET_FEATURES, MOBILENET_BLOCKS.at(-1)![1], 1, 1])));
}

/** A graph of convolutions with random weights, for batches of any size. */
class Network {
  readonly b = new GraphBuilder();
  readonly input: string;
  private readonly shape: readonly number[];
  private seed = FIRST_SEED;

  constructor(input: string, shape: readonly number[]) {
    this.input = this.b.input(input, [1, ...shape]);
    this.shape = shape;
  }

  /** A convolution that keeps height and width, its bias zeros. */
  conv(x: string, dims: readonly [number, number, number, number], group = 1): string {
    const weight = this.b.constant(floats(layerWeight(this.seed++, dims), dims));
    const bias = this.b.constant(floats(new Float32Array(dims[0]), [dims[0]]));
    const pad = Math.floor(dims[2] / 2);
    return this.b.op('Conv', [x, weight, bias], {
      kernel_shape: ints(dims.slice(2)),
      pads: ints([pad, pad, pad, pad]),
      group: int(group),
    });
  }

  relu6(x: string): string {
    return this.b.op('Clip', [x, this.b.scalar(0), this.b.scalar(6)]);
  }

  crown(x: string): Crown {
    const features = this.b.op('Flatten', [this.b.op('GlobalAveragePool', [x])]);
    this.b.output(features);
    return { graph: this.b.graph(), latent: this.input, latentShape: this.shape, features };
  }
}
