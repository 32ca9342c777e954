import { expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { liveBytes } from '../../src/onnx/live-bytes.js';
import { ints } from '../../src/onnx/model.js';

const SIZE = 4 * 100;

function built(make: (b: GraphBuilder) => string): number {
  const b = new GraphBuilder();
  b.input('x', [10, 10]);
  b.op('Identity', [make(b)], {}, 'y');
  b.output('y');
  return liveBytes(b.graph());
}

it('counts what is alive at one time, not what was', () => {
  // Each product is read by the next alone: two are alive while one is computed from the other.
  expect(built((b) => ['', '', '', ''].reduce((x) => b.op('MatMul', [x, 'x']), 'x'))).toBe(2 * SIZE);
});

it('counts a tensor until its last reader', () => {
  const kept = built((b) => {
    const first = b.op('MatMul', ['x', 'x']);
    const third = b.op('MatMul', [b.op('MatMul', [first, 'x']), 'x']);
    return b.op('MatMul', [third, first]);
  });
  expect(kept).toBe(3 * SIZE);
});

it('counts nothing for another shape of the same values, and for what is written over its input', () => {
  const chain = built((b) => {
    const product = b.op('MatMul', ['x', 'x']);
    const flat = b.op('Reshape', [b.op('Transpose', [product], { perm: ints([1, 0]) }), b.ints(100)]);
    return b.op('Reshape', [b.op('Relu', [flat]), b.ints(10, 10)]);
  });
  expect(chain).toBe(2 * SIZE);
});
