import { describe, expect, it } from 'vitest';
import { convNet, mlp } from '../../../bench/continual/networks.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { blocksOf, networkOf } from '../../../src/learn/isolation/den-blocks.js';
import {
  drifts,
  grown,
  type Headed,
  pulledWithin,
  selectedUnits,
  splitUnits,
  usefulUnits,
  writtenBack,
} from '../../../src/learn/isolation/den-units.js';
import {
  addUnitLayers,
  edge,
  firstUnits,
  partOf,
  type UnitLayer,
  unitLayersOf,
} from '../../../src/learn/isolation/unit-layers.js';
import type { Crown } from '../../../src/learn/strategy.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { floats, int, sizeOf } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import { errorOf } from '../../error-of.js';

const engine = new OrtEngine();
const dense = mlp(6, [5, 4], 1);
const conv = convNet(8, 1);

const randomly = (count: number, seed: number) => {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.normal());
};

/** A head for two classes. */
function headed(layers: UnitLayer[], taps = 1): Headed {
  const weight = randomly(2 * layers.at(-1)!.units * taps, 7);
  return { layers, head: { weight, bias: Float32Array.of(0.5, -0.5) } };
}

async function logits(crown: Crown, { layers, head }: Headed): Promise<Float32Array> {
  const b = new GraphBuilder();
  const dims = [3, ...crown.latentShape];
  const x = b.input(crown.latent, dims);
  const features = addUnitLayers(b, crown, x, layers, ({ key, units, weight, bias }) => ({
    weight: b.constant(floats(weight, [units, weight.length / units]), b.fresh(key)),
    bias: b.constant(floats(bias, [units]), b.fresh(key)),
  }));
  const classes = head.bias.length;
  const w = b.constant(floats(head.weight, [classes, head.weight.length / classes]));
  b.output(
    b.op('Gemm', [features, w, b.constant(floats(head.bias, [classes]))], { transB: int(1) }, 'logits'),
  );
  const program = await engine.compile(b.model());
  const data = randomly(sizeOf(dims), 3);
  const { logits: found } = await program.run({ [crown.latent]: { dims, data } });
  await program.close();
  return found!.data.slice();
}

const near = (found: Float32Array, expected: Float32Array) => {
  expect(found.length).toBe(expected.length);
  for (const [i, v] of found.entries()) expect(v).toBeCloseTo(expected[i]!, 5);
};

async function ownFeatures(crown: Crown): Promise<Float32Array> {
  const { graph } = crown;
  const dims = [3, ...crown.latentShape];
  const b = new GraphBuilder();
  b.input(crown.latent, dims);
  for (const [name, t] of graph.initializers) b.constant(t, name);
  for (const node of graph.nodes) b.add(node);
  b.output(crown.features);
  const program = await engine.compile(b.model());
  const found = await program.run({ [crown.latent]: { dims, data: randomly(sizeOf(dims), 3) } });
  await program.close();
  return found[crown.features]!.data.slice();
}

describe('unit layers', () => {
  it.each([
    ['dense layers', dense, [6, 5], [1, 1]],
    ['convolutions and a flattened map', conv, [1, 16, 32], [9, 9, 4]],
  ] as const)('are the crown: %s', async (_, crown, inputs, taps) => {
    const layers = unitLayersOf(crown);
    expect(layers.map((l) => l.inputs)).toEqual(inputs);
    expect(layers.map((l) => l.taps)).toEqual(taps);
    const width = layers.at(-1)!.units;
    const identity = Float32Array.from({ length: width * width }, (_v, i) => (i % (width + 1) === 0 ? 1 : 0));
    const head = { weight: identity, bias: new Float32Array(width) };
    near(await logits(crown, { layers, head }), await ownFeatures(crown));
  });

  it('reads weights of a MatMul, which are [inputs, units]', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 3]);
    b.op('MatMul', [x, b.constant(floats([1, 2, 3, 4, 5, 6], [3, 2]))], {}, 'y');
    b.output('y');
    const crown = { graph: b.graph(), latent: 'x', latentShape: [3], features: 'y' };
    expect([...unitLayersOf(crown)[0]!.weight]).toEqual([1, 3, 5, 2, 4, 6]);
  });

  it('refuses a skip connection, and says where', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 3]);
    const y = b.op('MatMul', [x, b.constant(floats(new Float32Array(9), [3, 3]))], {}, 'layer');
    b.output(b.op('Add', [x, y], {}, 'skip'));
    const crown = { graph: b.graph(), latent: 'x', latentShape: [3], features: 'skip' };
    const error = errorOf(() => unitLayersOf(crown));
    expect(error).toMatchObject({ code: 'den-unsupported' });
    expect(String(error)).toContain("'skip' (Add)");
  });
});

describe('what tasks added', () => {
  const layers = unitLayersOf(conv);
  // Three tasks; a unit reads newer ones only where a task connected them.
  const stamps = [
    [10, 20, 100],
    [13, 20, 110],
    [16, 32, 128],
  ];
  edge(layers[1]!, 25, 3).fill(0);

  it('is the whole network again', () => {
    const { layers: found, stamps: again } = networkOf(layers, blocksOf({ layers, stamps }));
    expect(again).toEqual(stamps);
    expect(found).toEqual(layers);
  });

  it('is, for the first tasks, the network without units that are newer', () => {
    const blocks = blocksOf({ layers, stamps });
    for (const task of [0, 1]) {
      const { layers: found } = networkOf(layers, blocks.slice(0, task + 1));
      expect(found).toEqual(partOf(layers, stamps[task]!.map(firstUnits)));
    }
  });

  it('leaves out inputs and readers without a weight', () => {
    const sparse = unitLayersOf(dense);
    const [, top] = sparse;
    // The second task has one unit below; of the old ones above, unit 2 alone reads it, and its own reads input 1.
    for (const u of [0, 1]) edge(top!, u, 4).fill(0);
    for (const i of [0, 2, 3, 4]) edge(top!, 3, i).fill(0);
    const [, second] = blocksOf({
      layers: sparse,
      stamps: [
        [4, 3],
        [5, 4],
      ],
    });
    expect([...second!.get(`${top!.key}.readers`)!.data]).toEqual([2]);
    expect([...second!.get(`${top!.key}.inputs`)!.data]).toEqual([1]);
    expect(
      networkOf(
        sparse,
        blocksOf({
          layers: sparse,
          stamps: [
            [4, 3],
            [5, 4],
          ],
        }),
      ).layers,
    ).toEqual(sparse);
  });
});

describe('units', () => {
  it('are selected along the weights that are not 0, from the head down', () => {
    const net = headed(unitLayersOf(dense));
    const [low, high] = net.layers;
    // The head reads units 1 and 3; unit 1 reads 0 and 2, unit 3 reads 2.
    for (const c of [0, 1]) for (const u of [0, 2]) net.head.weight[c * 4 + u] = 0;
    for (const i of [1, 3, 4]) edge(high!, 1, i).fill(0);
    for (const i of [0, 1, 3, 4]) edge(high!, 3, i).fill(0);
    expect(selectedUnits(net)).toEqual([
      [0, 2],
      [1, 3],
    ]);
    expect(low!.units).toBe(5);
  });

  it('are none where the head is empty, and that is said', () => {
    const net = headed(unitLayersOf(dense));
    net.head.weight.fill(0);
    expect(errorOf(() => selectedUnits(net))).toMatchObject({ code: 'den-nothing-selected' });
  });

  it('that were added change nothing before they are trained, and are removed when they end at zero', async () => {
    const net = headed(unitLayersOf(conv));
    const wide = grown(net, [2, 3, 4]);
    near(await logits(conv, wide), await logits(conv, net));
    // One that reads and is read is kept; one that only reads, or is only read, is not.
    const from = [16, 32, 128];
    edge(wide.layers[0]!, 17, 0).fill(1);
    edge(wide.layers[1]!, 33, 17).fill(1);
    edge(wide.layers[2]!, 130, 33).fill(1);
    wide.head.weight[130] = 1;
    edge(wide.layers[0]!, 16, 0).fill(1);
    wide.head.weight[129] = 1;
    const kept = usefulUnits(wide, from);
    expect(kept.map((units, l) => units.slice(from[l]))).toEqual([[17], [33], [130]]);
  });

  it('are split: earlier tasks have them as before, and the new one reads the copies', async () => {
    const before = unitLayersOf(conv);
    const now = headed(unitLayersOf(conv));
    for (const l of now.layers) l.weight = l.weight.map((w, i) => w + 0.1 * Math.sin(i));
    // All units are split: the new task's network is among copies alone, and says what it said.
    const all = before.map(({ units }) => firstUnits(units));
    const divided = splitUnits(before, now, all);
    near(await logits(conv, divided), await logits(conv, now));
    const old = partOf(divided.layers, all);
    expect(old).toEqual(before);
  });

  it('that are not split read the unit and not yet its copy', () => {
    const before = unitLayersOf(dense);
    const now = headed(unitLayersOf(dense));
    now.layers[0]!.weight.fill(1);
    const { layers } = splitUnits(before, now, [[2], []]);
    expect(edge(layers[1]!, 0, 2)).toEqual(edge(now.layers[1]!, 0, 2));
    expect([...edge(layers[1]!, 0, 5)]).toEqual([0]);
    expect(layers[0]!.weight.slice(5 * 6)).toEqual(new Float32Array(6).fill(1));
    expect(layers[0]!.weight.slice(0, 5 * 6)[2 * 6]).toBe(before[0]!.weight[2 * 6]);
  });

  it('drift by the distance of their incoming weights from units that were there before', () => {
    const before = unitLayersOf(dense)[1]!;
    const [, now] = grown(headed(unitLayersOf(dense)), [2, 1]).layers;
    edge(now!, 1, 0)[0]! += 3;
    now!.bias[1]! += 4;
    edge(now!, 1, 6).fill(9);
    const found = drifts(before, now!);
    expect(found[1]).toBeCloseTo(5, 5);
    expect(found.filter((_, u) => u !== 1)).toEqual([0, 0, 0]);
    pulledWithin(1, before, now!, [0, 1, 2, 3]);
    expect(drifts(before, now!)[1]).toBeCloseTo(1, 5);
    expect(edge(now!, 1, 6)[0]).toBe(9);
  });

  it('of a part are written back where they were, with new ones at the end', () => {
    const layers = unitLayersOf(dense);
    const selected = [
      [1, 3],
      [0, 2],
    ];
    const part = grown(headed(partOf(layers, selected)), [1, 1]);
    edge(part.layers[1]!, 0, 1).fill(5);
    edge(part.layers[1]!, 2, 2).fill(6);
    const { layers: wide, head } = writtenBack(layers, selected, part);
    expect(wide.map((l) => l.units)).toEqual([6, 5]);
    expect(edge(wide[1]!, 0, 3)[0]).toBe(5);
    expect(edge(wide[1]!, 4, 5)[0]).toBe(6);
    expect(edge(wide[1]!, 1, 0)).toEqual(edge(layers[1]!, 1, 0));
    expect([...head.weight.slice(0, 5)].map((w) => w !== 0)).toEqual([true, false, true, false, false]);
  });
});
