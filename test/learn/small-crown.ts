import { encodeLatent, type LatentShape } from '../../src/backbone/latent.js';
import type { Crown } from '../../src/learn/strategy.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

/** Latents of the small crown. */
export const CODEC: LatentShape = { channels: 16, positions: 16 };

/**
 * An inverted residual, a skip connection and a head layer, as the default backbone's crown has them, with
 * random weights and few channels.
 */
export function smallCrown(seed = 1): Crown {
  const random = new Random(seed);
  const b = new GraphBuilder();
  const weight = (name: string, dims: number[], fan: number) =>
    b.constant(
      floats(
        Float32Array.from({ length: sizeOf(dims) }, () => random.normal() * Math.sqrt(2 / fan)),
        dims,
      ),
      name,
    );
  const latent = b.input('latent', [1, 16, 4, 4]);
  const conv = (x: string, name: string, out: number, from: number) =>
    b.op(
      'Conv',
      [x, weight(`${name}.w`, [out, from, 1, 1], from), weight(`${name}.b`, [out], 100)],
      { kernel_shape: ints([1, 1]) },
      name,
    );
  const relu6 = (x: string, name: string) => b.op('Clip', [x, b.scalar(0), b.scalar(6)], {}, name);
  const expand = relu6(conv(latent, 'expand', 32, 16), 'expand.relu6');
  const depthwise = b.op(
    'Conv',
    [expand, weight('depthwise.w', [32, 1, 3, 3], 9), weight('depthwise.b', [32], 100)],
    { kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]), group: int(32) },
    'depthwise',
  );
  const project = conv(relu6(depthwise, 'depthwise.relu6'), 'project', 16, 32);
  const sum = b.op('Add', [project, latent], {}, 'sum');
  const head = relu6(conv(sum, 'head', 48, 16), 'head.relu6');
  b.op('Flatten', [b.op('GlobalAveragePool', [head], {}, 'pool')], { axis: int(1) }, 'features');
  b.output('features');
  return { graph: b.graph(), latent: 'latent', latentShape: [16, 4, 4], features: 'features' };
}

/** Samples of classes that differ in the pattern of two channels, under noise. */
export function patternSamples(
  count: number,
  classes: number,
  seed: number,
): { latents: Uint8Array[]; labels: number[] } {
  const patterns = new Random(99);
  const pattern = Array.from({ length: classes }, () =>
    Float32Array.from({ length: 256 }, () => patterns.normal()),
  );
  const random = new Random(seed);
  const labels = Array.from({ length: count }, (_, i) => i % classes);
  const latents = labels.map((c) =>
    encodeLatent(
      Float32Array.from({ length: 256 }, (_, k) => 0.8 * pattern[c]![k]! + random.normal()),
      CODEC,
    ),
  );
  return { latents, labels };
}
