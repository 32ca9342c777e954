import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { type Attribute, floats, int, ints, type Model, sizeOf } from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write.js';

const folder = mkdtempSync(join(tmpdir(), 'lichen-inspect-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a model as a file of its own and returns the path. */
export function written(name: string, model: Model): string {
  const file = join(folder, name);
  writeFileSync(file, encodeModel(model));
  return file;
}

/** A file with this content. */
export function fileOf(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** A constant of small values. */
export function weight(b: GraphBuilder, dims: number[], name?: string): string {
  const data = Float32Array.from({ length: sizeOf(dims) }, (_, i) => ((i * 37) % 100) / 100 - 0.495);
  return b.constant(floats(data, dims), name);
}

/**
 * A chain for pictures of 8 x 8: `stem` (Conv 3x3 stride 2, 4 channels), `stem.relu`, `deep` (depthwise 3x3),
 * then what `middle` adds on 4 x 4 maps of 4 channels and names, `head` (Conv 1x1, 6), `pool`, `features`.
 */
export function chain(middle: (b: GraphBuilder, x: string) => string = (_, x) => x): Model {
  const b = new GraphBuilder();
  const image = b.input('image', [1, 3, 8, 8]);
  const attributes: Record<string, Attribute> = { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };
  b.op('Conv', [image, weight(b, [4, 3, 3, 3]), weight(b, [4])], attributes, 'stem');
  b.op('Relu', ['stem'], {}, 'stem.relu');
  b.op('Conv', ['stem.relu', weight(b, [4, 1, 3, 3])], { pads: ints([1, 1, 1, 1]), group: int(4) }, 'deep');
  const x = middle(b, 'deep');
  b.op('Conv', [x, weight(b, [6, 4, 1, 1])], {}, 'head');
  b.op('GlobalAveragePool', ['head'], {}, 'pool');
  b.op('Flatten', ['pool'], { axis: int(1) }, 'features');
  b.output('features');
  return b.model('chain');
}

/** The same, with the sizes of its input as given. */
export function withInput(model: Model, dims: (number | string | null)[] | undefined): Model {
  const [input] = model.graph.inputs;
  return { ...model, graph: { ...model.graph, inputs: [{ ...input!, dims }] } };
}
