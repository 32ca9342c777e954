import type { Engine } from '../../engine/engine.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { rowStart } from './linear.js';

const RESULT = 'products';
/** Columns whose products are computed at once: those of all take 17 MB for 2,048, twice. */
const COLUMNS = 256;

/**
 * Adds the inner products of a matrix's columns, A' A, to a lower triangle that is kept row by row. The engine computes
 * them: for matrices of more than a few rows many times faster than here.
 * @param rows A, [n, d] in row-major order
 * @param lower [d (d + 1) / 2]
 */
export async function addColumnProducts(
  engine: Engine,
  rows: Float32Array,
  n: number,
  d: number,
  lower: Float32Array,
): Promise<void> {
  const width = Math.min(COLUMNS, d);
  const b = new GraphBuilder();
  const some = b.op('Transpose', [b.input('some', [n, width])], {});
  b.op('MatMul', [some, b.input('rows', [n, d])], {}, RESULT);
  b.output(RESULT);
  const program = await engine.compile(b.model('lichen-products'), { arena: false });
  try {
    const all = { dims: [n, d], data: rows };
    for (let begin = 0; begin < d; begin += width) {
      // The last ones are taken with some before them, which are counted already.
      const from = Math.min(begin, d - width);
      const data = new Float32Array(n * width);
      for (let i = 0; i < n; i++) data.set(rows.subarray(i * d + from, i * d + from + width), i * width);
      const output = await program.run({ some: { dims: [n, width], data }, rows: all });
      const products = output[RESULT]!.data;
      for (let i = begin; i < from + width; i++) {
        const [at, row] = [rowStart(i), (i - from) * d];
        for (let j = 0; j <= i; j++) lower[at + j]! += products[row + j]!;
      }
    }
  } finally {
    await program.close();
  }
}
