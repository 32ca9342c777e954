import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { inline } from '../../src/onnx/inline.js';
import { floats, type Graph, node } from '../../src/onnx/model.js';

/** y = relu(x * w) + w, z = y + x */
const graph: Graph = {
  name: 'g',
  nodes: [
    node('Mul', ['x', 'w'], ['m']),
    node('Relu', ['m'], ['r']),
    node('Add', ['r', 'w'], ['y']),
    node('Add', ['y', 'x'], ['z']),
  ],
  initializers: new Map([
    ['w', floats([2, -3], [2])],
    ['unused', floats([1], [1])],
  ]),
  inputs: [{ name: 'x', type: 1, dims: [2] }],
  outputs: [{ name: 'z', type: 1 }],
};

async function run(b: GraphBuilder, feeds: Record<string, number[]>): Promise<Record<string, number[]>> {
  const program = await new OrtEngine().compile(b.model());
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([k, v]) => [k, { dims: [v.length], data: Float32Array.from(v) }]),
  );
  const out = await program.run(tensors);
  await program.close();
  return Object.fromEntries(Object.entries(out).map(([k, t]) => [k, [...t.data]]));
}

describe('a graph put into another', () => {
  it('computes the same, and says what its tensors are called there', async () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    const names = inline(b, graph, new Map([['x', 'x']]));
    expect(names.get('z')).toBe('z');
    b.output('z');
    expect(await run(b, { x: [5, 7] })).toEqual({ z: [17, 4] });
    expect(b.initializers.has('unused')).toBe(false);
  });

  it('twice, has names of its own and computes twice', async () => {
    const b = new GraphBuilder();
    b.input('p', [2]);
    const first = inline(b, graph, new Map([['x', 'p']]));
    const second = inline(b, graph, new Map([['x', first.get('z')!]]));
    expect(second.get('z')).not.toBe(first.get('z'));
    b.op('Identity', [second.get('z')!], {}, 'out');
    b.output('out');
    // z(5, 7) = (17, 4), z(17, 4) = (34 + 2 + 17, 0 - 3 + 4)
    expect(await run(b, { p: [5, 7] })).toEqual({ out: [53, 1] });
  });

  it('with a node replaced, leaves that node out', async () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    const seen: string[][] = [];
    const names = inline(b, graph, new Map([['x', 'x']]), (n, inputs) => {
      seen.push(inputs);
      return n.op === 'Relu' ? b.op('Neg', inputs) : undefined;
    });
    b.op('Identity', [names.get('z')!], {}, 'out');
    b.output('out');
    expect(b.nodes.some((n) => n.op === 'Relu')).toBe(false);
    expect(seen).toEqual([['x', 'w'], ['m'], [names.get('r'), 'w'], ['y', 'x']]);
    expect(await run(b, { x: [5, 7] })).toEqual({ out: [-10 + 2 + 5, 21 - 3 + 7] });
  });

  it('is refused where an input is not fed', () => {
    const b = new GraphBuilder();
    expect(() => inline(b, graph, new Map())).toThrow(/nothing is fed to the graph's 'x'/);
  });
});
