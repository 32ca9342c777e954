import { expect, it } from 'vitest';
import { inPlaceUpdates } from '../../src/autodiff/in-place.js';
import { reshape, scale } from '../../src/autodiff/rule.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { ints } from '../../src/onnx/model.js';

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

it('what reads another shape, a transpose or a multiple of it reads it, too', () => {
  const b = new GraphBuilder();
  const names = ['read', 'shaped', 'turned', 'scaled'];
  for (const name of names) b.input(name, [2, 2]);
  const other = b.input('other', [2, 2]);
  const views = [
    b.op('Relu', ['read']),
    reshape(b, 'shaped', [2, 2]),
    b.op('Transpose', ['turned'], { perm: ints([1, 0]) }),
    scale(b, 'scaled', 0.9),
  ];
  views.forEach((view, i) => {
    // The update reads the view, and so does a product that may run after it.
    b.op('Sub', [names[i]!, view], {}, `${names[i]}.next`);
    b.op('MatMul', [other, view], {}, `product${i}`);
  });
  const updates = new Map(names.map((name) => [name, `${name}.next`]));
  expect([...inPlaceUpdates(b.graph(), updates)]).toEqual(['read']);
});
