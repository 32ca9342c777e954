import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints, type Model, sizeOf } from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';

/** A network of two blocks, the second with a skip connection, for pictures of 8 x 8. */
export function tinyModel(): Model {
  const random = new Random(5);
  const b = new GraphBuilder();
  const weight = (dims: number[]) =>
    b.constant(
      floats(
        Float32Array.from({ length: sizeOf(dims) }, () => random.normal() / 2),
        dims,
      ),
    );
  const image = b.input('image', [1, 3, 8, 8]);
  b.op('Conv', [image, weight([4, 3, 3, 3])], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }, 'stem');
  b.op('Relu', ['stem'], {}, 'stem.relu');
  b.op('Conv', ['stem.relu', weight([4, 4, 1, 1])], {}, 'inner');
  b.op('Add', ['inner', 'stem.relu'], {}, 'sum');
  b.op('Conv', ['sum', weight([6, 4, 1, 1])], {}, 'head');
  b.op('GlobalAveragePool', ['head'], {}, 'pool');
  b.op('Flatten', ['pool'], { axis: int(1) }, 'features');
  b.output('features');
  const model = b.model('tiny');
  model.graph.inputs[0]!.dims = ['N', 3, 8, 8];
  model.graph.outputs[0]!.dims = ['N', 6];
  return model;
}

/** A manifest's content for a model's bytes. */
export function tinyManifest(
  bytes: Uint8Array,
): Record<string, unknown> & { input: Record<string, unknown> } {
  return {
    format: 1,
    name: 'tiny',
    file: 'tiny.onnx',
    sha256: createHash('sha256').update(bytes).digest('hex'),
    licence: 'none',
    source: 'made for a test',
    input: { name: 'image', width: 8, height: 8, layout: 'NCHW', colour: 'RGB', mean: 127, std: 128 },
    features: 'features',
    split: 'stem.relu',
  };
}

/** Writes model and manifest into a folder and returns the manifest's path. */
export function writeTiny(
  folder: string,
  changes: Record<string, unknown> = {},
  model = tinyModel(),
): string {
  mkdirSync(folder, { recursive: true });
  const bytes = encodeModel(model);
  writeFileSync(join(folder, 'tiny.onnx'), bytes);
  const file = join(folder, 'tiny.json');
  writeFileSync(file, JSON.stringify({ ...tinyManifest(bytes), ...changes }));
  return file;
}
