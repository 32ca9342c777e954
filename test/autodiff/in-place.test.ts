import { expect, it } from 'vitest';
import { inPlaceUpdates } from '../../src/autodiff/in-place.js';
import { GraphBuilder } from '../../src/onnx/builder.js';

it('an update may take the place of what it updates where all that reads it comes before', () => {
  const b = new GraphBuilder();
  for (const name of ['a', 'late', 'turned']) b.input(name, [2, 2]);
  const step = b.op('Mul', ['a', 'a']);
  b.op('Sub', ['a', step], {}, 'a.next');
  // Read by a node that may run after the update.
  b.op('Sub', ['late', step], {}, 'late.next');
  b.op('Neg', ['late'], {}, 'other');
  // No elementwise update: it would read what it has written.
  b.op('MatMul', ['turned', step], {}, 'turned.next');
  const updates = new Map(['a', 'late', 'turned'].map((name) => [name, `${name}.next`]));
  expect([...inPlaceUpdates(b.graph(), updates)]).toEqual(['a']);
});
