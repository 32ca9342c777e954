import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { type ConstantTensor, floats, ints, type Model, type Node, node } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { Random } from '../../src/random.js';

const random = new Random(5);
const draw = (dims: number[], from = -1, to = 1): ConstantTensor =>
  floats(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => from + random.next() * (to - from)),
    dims,
  );

function model(
  nodes: Node[],
  constants: Record<string, ConstantTensor>,
  opset: number,
  dims: number[],
): Model {
  return {
    opset,
    irVersion: 8,
    metadata: {},
    graph: {
      name: 'g',
      nodes,
      initializers: new Map(Object.entries(constants)),
      inputs: [{ name: 'x', type: 1, dims }],
      outputs: [{ name: 'y', type: 1 }],
    },
  };
}

async function same(m: Model, dims: number[]): Promise<Model> {
  const n = normalize(m);
  const engine = new OrtEngine();
  const x = { dims, data: draw(dims).data as Float32Array };
  const results: Float32Array[] = [];
  for (const candidate of [m, n]) {
    const program = await engine.compile(candidate);
    results.push((await program.run({ x })).y!.data);
    await program.close();
  }
  results[1]!.forEach((v, i) => {
    expect(v).toBeCloseTo(results[0]![i]!, 4);
  });
  return n;
}

describe('normalization', () => {
  const statistics = { g: draw([3], 0.5, 2), b: draw([3]), m: draw([3]), v: draw([3], 0.1, 2) };

  it('folds batch normalization into the convolution before it', async () => {
    const n = await same(
      model(
        [
          node('Conv', ['x', 'w', 'c'], ['h']),
          node('BatchNormalization', ['h', 'g', 'b', 'm', 'v'], ['n']),
          node('Relu', ['n'], ['y']),
        ],
        { w: draw([3, 2, 3, 3]), c: draw([3]), ...statistics },
        15,
        [1, 2, 5, 5],
      ),
      [1, 2, 5, 5],
    );
    expect(n.graph.nodes.map((k) => k.op)).toEqual(['Conv', 'Relu']);
  });

  it('keeps batch normalization as Mul and Add where the convolution is read twice', async () => {
    const n = await same(
      model(
        [
          node('Conv', ['x', 'w'], ['h']),
          node('BatchNormalization', ['h', 'g', 'b', 'm', 'v'], ['n']),
          node('Add', ['n', 'h'], ['y']),
        ],
        { w: draw([3, 2, 1, 1]), ...statistics },
        13,
        [2, 2, 4, 4],
      ),
      [2, 2, 4, 4],
    );
    expect(n.graph.nodes.map((k) => k.op)).toEqual(['Conv', 'Mul', 'Add', 'Add']);
  });

  it('moves axes to where the build operator set has them', async () => {
    const n = await same(
      model(
        [
          node('Unsqueeze', ['x'], ['u'], { axes: ints([0]) }),
          node('ReduceSum', ['u'], ['s'], { axes: ints([2]) }),
          node('Squeeze', ['s'], ['y'], { axes: ints([0, 2]) }),
        ],
        {},
        11,
        [2, 3],
      ),
      [2, 3],
    );
    expect(n.graph.nodes.every((k) => k.attributes.axes === undefined)).toBe(true);
  });

  it('drops Identity and Dropout inside the graph', async () => {
    const n = await same(
      model(
        [node('Identity', ['x'], ['a']), node('Dropout', ['a'], ['d']), node('Relu', ['d'], ['y'])],
        {},
        13,
        [4],
      ),
      [4],
    );
    expect(n.graph.nodes.map((k) => k.op)).toEqual(['Relu']);
  });
});
