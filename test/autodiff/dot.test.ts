import { expect, it } from 'vitest';
import { dot } from '../../src/autodiff/dot.js';
import { lower } from '../../src/autodiff/lower.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { int, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

const engine = new OrtEngine();

/** The inner product of two gradients of a weight [6, 8], on some samples each. */
function products(samples: readonly number[]) {
  const b = new GraphBuilder();
  const gradients = samples.map((n, i) => {
    b.input(`dy${i}`, [n, 6]);
    b.input(`x${i}`, [n, 8]);
    return b.output(b.op('Gemm', [`dy${i}`, `x${i}`], { transA: int(1) }, `gradient${i}`));
  });
  b.op('Identity', [dot(b, gradients[0]!, gradients[1]!)], {}, 'dot');
  b.output('dot');
  return b;
}

it.each([
  ['by pairs of samples', [2, 9]],
  ['by the gradients themselves, where the samples are many', [9, 9]],
])('is the sum of the products, %s', async (_, samples) => {
  const random = new Random(5);
  const b = products(samples);
  const feeds = Object.fromEntries(
    b.inputs.map(({ name, dims }) => {
      const data = Float32Array.from({ length: sizeOf(dims as number[]) }, () => random.normal());
      return [name, { dims: dims as number[], data }];
    }),
  );
  const program = await engine.compile(lower(b.model()));
  const results = await program.run(feeds);
  const [p, q] = [results.gradient0!.data, results.gradient1!.data];
  const expected = p.reduce((sum, v, i) => sum + v * q[i]!, 0);
  expect(results.dot!.data[0]).toBeCloseTo(expected, 4);
  await program.close();
});

it('makes no gradient of a dense layer for it, unless that is less work', () => {
  const alone = (samples: readonly number[]) => {
    const model = products(samples).model();
    const outputs = model.graph.outputs.filter((o) => o.name === 'dot');
    const { nodes } = lower({ ...model, graph: { ...model.graph, outputs } }).graph;
    return nodes.flatMap((n) => n.outputs).filter((name) => name.startsWith('gradient'));
  };
  expect(alone([2, 9])).toEqual([]);
  expect(alone([9, 2])).toEqual([]);
  expect(alone([9, 9])).toEqual(['gradient0', 'gradient1']);
});
