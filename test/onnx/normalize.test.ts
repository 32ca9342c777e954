import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { LichenError } from '../../src/errors.js';
import {
  type Attribute,
  type ConstantTensor,
  float,
  floats,
  int,
  int64s,
  ints,
  type Model,
  type Node,
  node,
} from '../../src/onnx/model.js';
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

  it.each([1, 3])('squeezes axes of one element, but never the batch, in a batch of %d', async (batch) => {
    const pooled = model([node('GlobalAveragePool', ['x'], ['p']), node('Squeeze', ['p'], ['y'])], {}, 13, [
      batch,
      3,
      2,
      2,
    ]);
    const { graph } = normalize(pooled);
    const program = await new OrtEngine().compile({ ...pooled, opset: 17, graph });
    const x = { dims: [batch, 3, 2, 2], data: draw([batch, 3, 2, 2]).data as Float32Array };
    expect((await program.run({ x })).y!.dims).toEqual([batch, 3]);
    await program.close();
  });

  it('leaves a constant index that lies outside to the runtime', () => {
    const constants = { table: int64s([1, 2, 3]), at: int64s([5]) };
    const nodes = [
      node('Gather', ['table', 'at'], ['g']),
      node('Cast', ['g'], ['f'], { to: int(1) }),
      node('Add', ['x', 'f'], ['y']),
    ];
    expect(normalize(model(nodes, constants, 13, [1, 3])).graph.nodes.map((n) => n.op)).toContain('Gather');
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

  it.each([
    ['a sequence, behind a convolution', [1, 2, 5], [3, 2, 3], ['Conv', 'Relu']],
    ['a volume, behind a convolution', [1, 2, 3, 4, 3], [3, 2, 1, 2, 1], ['Conv', 'Relu']],
  ])('folds batch normalization of %s', async (_, dims, w, ops) => {
    const nodes = [
      node('Conv', ['x', 'w'], ['h']),
      node('BatchNormalization', ['h', 'g', 'b', 'm', 'v'], ['n']),
      node('Relu', ['n'], ['y']),
    ];
    const n = await same(model(nodes, { w: draw(w), ...statistics }, 15, dims), dims);
    expect(n.graph.nodes.map((k) => k.op)).toEqual(ops);
  });

  it('keeps the meaning of batch normalization of rows', async () => {
    const nodes = [
      node('Gemm', ['x', 'w'], ['h']),
      node('BatchNormalization', ['h', 'g', 'b', 'm', 'v'], ['y']),
    ];
    await same(model(nodes, { w: draw([2, 3]), ...statistics }, 15, [3, 2]), [3, 2]);
  });

  it('makes inputs of what older sets have as attributes', async () => {
    const bounds = { min: float(-0.5), max: float(0.75) };
    for (const attributes of [bounds, { min: bounds.min }, { max: bounds.max }, {}] as Record<
      string,
      Attribute
    >[]) {
      await same(model([node('Clip', ['x'], ['y'], attributes)], {}, 7, [2, 3]), [2, 3]);
    }
    const pad = node('Pad', ['x'], ['y'], { pads: ints([0, 1, 2, 0]), value: float(3) });
    await same(model([pad], {}, 10, [2, 3]), [2, 3]);
    const slice = node('Slice', ['x'], ['y'], { starts: ints([1]), ends: ints([3]), axes: ints([1]) });
    await same(model([slice], {}, 9, [2, 3]), [2, 3]);
    await same(model([node('Softmax', ['x'], ['y'])], {}, 11, [2, 3]), [2, 3]);
  });

  it.each([
    [
      'batch normalization in training form',
      node('BatchNormalization', ['x', 'g', 'b', 'm', 'v'], ['y'], { training_mode: int(1) }),
      15,
      /training form/,
    ],
    [
      'batch normalization by what is no constant',
      node('BatchNormalization', ['x', 'g', 'b', 'm', 'x'], ['y']),
      15,
      /its input 4 \('x'\) must be a float constant/,
    ],
    [
      'batch normalization without its variance',
      node('BatchNormalization', ['x', 'g', 'b', 'm'], ['y']),
      15,
      /its input 4 \(''\) must be a float constant/,
    ],
    [
      'a mean over axes that are computed',
      node('ReduceMean', ['x', 'x'], ['y']),
      18,
      /its axes must be a constant/,
    ],
  ])('refuses %s, whose meaning would change', (_, n, opset, message) => {
    const m = model([n], statistics, opset, [1, 3, 2, 2]);
    expect(() => normalize(m)).toThrow(LichenError);
    expect(() => normalize(m)).toThrow(message);
  });
});
