import { expect, it } from 'vitest';
import { branched, choose, readsOf } from '../../src/autodiff/choices.js';
import { lower } from '../../src/autodiff/lower.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import type { Node } from '../../src/onnx/model.js';

const engine = new OrtEngine();

/** Two choices by the sign of x; y = exp(x) is read by one side, z = tanh(x) by both, and w = x + x by all. */
function fork() {
  const b = new GraphBuilder();
  b.input('x', []);
  const w = b.op('Add', ['x', 'x'], {}, 'w');
  const y = b.op('Exp', ['x'], {}, 'y');
  const z = b.op('Tanh', [w], {}, 'z');
  const condition = b.op('Less', ['x', b.scalar(0)]);
  const first = choose(b, condition, b.op('Mul', [y, z]), z);
  const second = choose(b, condition, 'x', z);
  b.op('Add', [first, w], {}, 'a');
  b.op('Sub', [second, first], {}, 'b');
  for (const name of ['a', 'b']) b.output(name);
  return b;
}

it('has one side or the other', async () => {
  const program = await engine.compile(lower(fork().model()));
  for (const x of [-0.7, 0, 0.4]) {
    const { a, b } = await program.run({ x: { dims: [], data: Float32Array.of(x) } });
    const z = Math.tanh(2 * x);
    const [first, second] = x < 0 ? [Math.exp(x) * z, x] : [z, z];
    expect(a!.data[0]).toBeCloseTo(first + 2 * x, 6);
    expect(b!.data[0]).toBeCloseTo(second - first, 6);
  }
  await program.close();
});

it('leaves to a side what only that needs', () => {
  const { graph } = lower(fork().model());
  const ops = (nodes: readonly Node[]) => nodes.map((n) => n.op).sort();
  expect(ops(graph.nodes)).toEqual(['Add', 'Add', 'If', 'Less', 'Sub']);
  const sides = graph.nodes.find((n) => n.op === 'If')!.attributes;
  const nodesOf = (name: string) => {
    const side = sides[name];
    return side?.kind === 'graph' ? ops(side.value.nodes) : [];
  };
  expect(nodesOf('then_branch')).toEqual(['Exp', 'Identity', 'Mul', 'Tanh']);
  expect(nodesOf('else_branch')).toEqual(['Identity', 'Tanh']);
});

it('reads what its sides read from outside', () => {
  const { graph } = lower(fork().model());
  const reads = readsOf(graph.nodes.find((n) => n.op === 'If')!);
  expect(new Set(reads)).toEqual(new Set([graph.nodes.find((n) => n.op === 'Less')!.outputs[0], 'x', 'w']));
});

it('is refused with several conditions, and nothing happens without any', () => {
  const b = new GraphBuilder();
  b.input('x', []);
  const [less, more] = ['Less', 'Greater'].map((op) => b.op(op, ['x', b.scalar(0)]));
  expect(branched(b.model()).graph.nodes).toHaveLength(2);
  b.output(choose(b, less!, 'x', b.scalar(1)));
  b.output(choose(b, more!, 'x', b.scalar(1)));
  expect(() => branched(b.model())).toThrow('more than one condition');
});
