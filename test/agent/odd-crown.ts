import { expect } from 'vitest';
import { trainableOperators } from '../../src/autodiff/gradient.js';
import { int, type Model, node } from '../../src/onnx/model.js';
import { tinyModel } from '../backbone/tiny-backbone.js';

/** The tiny network with an operator behind its last layer that the runtime knows and no gradient rule does. */
export function withOddLayer(): Model {
  const model = tinyModel();
  const { nodes } = model.graph;
  const at = nodes.findIndex((n) => n.op === 'GlobalAveragePool');
  const odd = node('LRN', ['head'], ['odd'], { size: int(3) });
  const pool = { ...nodes[at]!, inputs: ['odd'] };
  return { ...model, graph: { ...model.graph, nodes: nodes.toSpliced(at, 1, odd, pool) } };
}

/** What is said of it, whoever says it. */
export function expectRefusal(message: string, manifest: string, by: string): void {
  expect(message).toContain(`${manifest}: its crown, cut at 'stem.relu', cannot be trained (${by}): `);
  expect(message).toContain("operator LRN (node 'odd') has no gradient rule");
  expect(message).toContain(`supported: ${trainableOperators.join(', ')}.`);
  expect(message).toContain(`'lichen inspect ${manifest}'`);
}
