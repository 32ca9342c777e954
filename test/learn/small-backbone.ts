import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Backbone } from '../../src/backbone/backbone.js';
import type { Engine } from '../../src/engine/engine.js';
import { floats, ints, node, sizeOf } from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';
import { smallCrown } from './small-crown.js';

/** Writes a backbone of which the crown is the small crown, for pictures of 8 x 8, and opens it. */
export async function smallBackbone(folder: string, engine: Engine, name = 'small'): Promise<Backbone> {
  const { graph } = smallCrown();
  const random = new Random(3);
  const dims = [16, 3, 3, 3];
  const stem = floats(
    Float32Array.from({ length: sizeOf(dims) }, () => random.normal() / 3),
    dims,
  );
  const conv = node('Conv', ['image', 'stem.w'], ['latent'], {
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  });
  const bytes = encodeModel({
    opset: 17,
    irVersion: 8,
    metadata: {},
    graph: {
      name,
      nodes: [conv, ...graph.nodes],
      initializers: new Map([...graph.initializers, ['stem.w', stem]]),
      inputs: [{ name: 'image', type: 1, dims: ['N', 3, 8, 8] }],
      outputs: [{ name: 'features', type: 1, dims: ['N', 48] }],
    },
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.onnx`), bytes);
  const manifest = {
    format: 1,
    name,
    file: `${name}.onnx`,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    licence: 'none',
    source: 'made for a test',
    input: { name: 'image', width: 8, height: 8, layout: 'NCHW', colour: 'RGB', mean: 127, std: 128 },
    features: 'features',
    split: 'latent',
    latentShape: [16, 4, 4],
  };
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(manifest));
  return Backbone.open(file, engine);
}
