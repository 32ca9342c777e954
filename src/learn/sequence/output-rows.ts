import type { Program } from '../../engine/engine.js';
import { sizeOf } from '../../onnx/model.js';
import type { Rows } from '../network.js';
import type { Samples } from '../samples.js';

/** Rows of a run; programs for `outputRows` are compiled for so many. */
export const ROWS = 200;

/**
 * What a program of one input and one output [ROWS, width] says of all samples.
 * @param input name of the input
 * @param shape of one sample
 */
export async function outputRows(
  program: Program,
  input: string,
  shape: readonly number[],
  samples: Samples,
): Promise<Rows> {
  const width = sizeOf(shape);
  const x = { dims: [ROWS, ...shape], data: new Float32Array(ROWS * width) };
  const all: Rows = { data: new Float32Array(0), count: samples.count, width: 0 };
  for (let from = 0; from < samples.count; from += ROWS) {
    const count = Math.min(ROWS, samples.count - from);
    for (let row = 0; row < count; row++) samples.read(from + row, x.data, row * width);
    const found = (await program.run({ [input]: x }))[program.outputs[0]!]!;
    if (from === 0) {
      all.width = found.dims[1]!;
      all.data = new Float32Array(samples.count * all.width);
    }
    all.data.set(found.data.subarray(0, count * all.width), from * all.width);
  }
  return all;
}
