import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { ElementType, floats, int, int64s, ints, type Model, type Node, node } from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';
import { expectNear } from '../onnx/expect-same.js';
import { scratchFolder } from '../store/scratch.js';
import { tinyModel, writeTiny } from './tiny-backbone.js';

const engine = new OrtEngine();
const scratch = scratchFolder();

/** The features of pictures by trunk, then crown, and by the untouched file in onnxruntime, one by one. */
async function expectSame(model: Model, changes: Record<string, unknown> = {}, count = 3): Promise<Backbone> {
  const random = new Random(4);
  const images = Float32Array.from({ length: count * 192 }, () => random.normal());
  const backbone = await Backbone.open(writeTiny(scratch.path(), changes, model), engine);
  const { manifest } = backbone;
  const trunk = await backbone.openTrunk(engine);
  const latents = await trunk.floatLatents(images, count);
  await trunk.close();
  const crown = await engine.compile(backbone.crownModel);
  const { latent, latentShape, features } = backbone.crown;
  const out = (await crown.run({ [latent]: { dims: [count, ...latentShape], data: latents } }))[features]!;
  await crown.close();
  const session = await ort.InferenceSession.create(encodeModel(model));
  for (let i = 0; i < count; i++) {
    const one = new ort.Tensor('float32', images.slice(i * 192, (i + 1) * 192), [1, 3, 8, 8]);
    const whole = (await session.run({ [manifest.input.name]: one }))[features]!;
    const size = out.data.length / count;
    expectNear(out.data.slice(i * size, (i + 1) * size), whole.data as Float32Array);
  }
  await session.release();
  return backbone;
}

/** The network with its last nodes, from 'pool' to 'features', in another form. */
function ending(nodes: Node[], constants: Model['graph']['initializers'] = new Map()): Model {
  const model = tinyModel();
  model.graph.nodes.splice(-1, 1, ...nodes);
  for (const [name, t] of constants) model.graph.initializers.set(name, t);
  return model;
}

/** How PyTorch writes x.view(x.size(0), -1) for a batch of any size. */
const viewBySize = () =>
  ending(
    [
      node('Shape', ['pool'], ['shape']),
      node('Gather', ['shape', 'zero'], ['batch'], { axis: int(0) }),
      node('Unsqueeze', ['batch', 'first'], ['batch1']),
      node('Concat', ['batch1', 'rest'], ['to'], { axis: int(0) }),
      node('Reshape', ['pool', 'to'], ['features']),
    ],
    new Map([
      ['zero', { ...int64s([0]), dims: [] }],
      ['first', int64s([0])],
      ['rest', int64s([-1])],
    ]),
  );

describe('a backbone is the whole network, in two parts', () => {
  it.each([7, 11, 13, 15, 17, 18, 19, 20, 21, 22, 24])('in operator set %d', async (opset) => {
    const backbone = await expectSame({ ...tinyModel(), opset });
    expect(backbone.trunkModel.opset).toBe(opset);
    expect(backbone.crownModel.opset).toBe(17);
  });

  it.each([8, 9, 10, 11])('in version %d of the file format', async (irVersion) => {
    const backbone = await expectSame({ ...tinyModel(), irVersion });
    expect(backbone.trunkModel.irVersion).toBe(irVersion);
  });

  it('where it reshapes by the size of its batch', async () => {
    const backbone = await expectSame(viewBySize());
    expect(backbone.crownModel.graph.nodes.map((n) => n.op)).not.toContain('Shape');
  });

  it('where channels are shuffled by the size of its batch', async () => {
    const model = tinyModel();
    const { graph } = model;
    const at = graph.nodes.findIndex((n) => n.name === 'head');
    graph.nodes.splice(
      at,
      0,
      node('Shape', ['sum'], ['size']),
      node('Slice', ['size', 'from', 'to'], ['batch']),
      node('Slice', ['size', 'second', 'end'], ['picture']),
      node('Concat', ['batch', 'groups', 'picture'], ['grouped'], { axis: int(0) }),
      node('Reshape', ['sum', 'grouped'], ['apart']),
      node('Transpose', ['apart'], ['turned'], { perm: ints([0, 2, 1, 3, 4]) }),
      node('Reshape', ['turned', 'size'], ['shuffled']),
    );
    graph.nodes[at + 7]!.inputs[0] = 'shuffled';
    const constants = { from: [0], to: [1], second: [2], end: [2 ** 63], groups: [2, 2] };
    for (const [name, values] of Object.entries(constants)) graph.initializers.set(name, int64s(values));
    const backbone = await expectSame(model);
    const ops = backbone.crownModel.graph.nodes.map((n) => n.op);
    expect(ops.filter((op) => ['Shape', 'Slice', 'Concat'].includes(op))).toEqual([]);
  });

  it.each(['stem.relu', 'head'])('exported for a batch of 1, cut at %s', async (split) => {
    const model = ending([node('Reshape', ['pool', 'to'], ['features'])], new Map([['to', int64s([1, 6])]]));
    model.graph.nodes.splice(2, 0, node('Reshape', ['stem.relu', 'same'], ['again']));
    model.graph.nodes[3]!.inputs[0] = 'again';
    model.graph.nodes[4]!.inputs[1] = 'again';
    model.graph.initializers.set('same', int64s([1, 4, 4, 4]));
    model.graph.inputs[0]!.dims = [1, 3, 8, 8];
    model.graph.outputs[0]!.dims = [1, 6];
    await expectSame(model, { split });
  });

  it('with nodes in any order, constants that nothing reads, and names that mean something elsewhere', async () => {
    const model = tinyModel();
    const names = new Map([
      ['image', '__proto__'],
      ['stem', 'constructor'],
      ['stem.relu', 'toString'],
      ['inner', 'hasOwnProperty'],
      ['sum', 'valueOf'],
      ['head', 'prototype'],
    ]);
    const rename = (name: string) => names.get(name) ?? name;
    model.graph.nodes = model.graph.nodes
      .map((n) => ({
        ...n,
        name: rename(n.name),
        inputs: n.inputs.map(rename),
        outputs: n.outputs.map(rename),
      }))
      .reverse();
    model.graph.inputs[0]!.name = '__proto__';
    model.graph.initializers.set('unused', floats([1, 2, 3], [3]));
    model.graph.initializers.set('__defineGetter__', int64s([7]));
    const input = { name: '__proto__', width: 8, height: 8, layout: 'NCHW', colour: 'RGB', mean: 0, std: 1 };
    const text = JSON.stringify(input);
    const file = writeTiny(scratch.path(), { input: JSON.parse(text), split: 'toString' }, model);
    const backbone = await Backbone.open(file, engine);
    const trunk = await backbone.openTrunk(engine);
    const plain = await Backbone.open(writeTiny(scratch.path('plain')), engine);
    const plainTrunk = await plain.openTrunk(engine);
    const images = Float32Array.from({ length: 192 }, (_, i) => Math.sin(i));
    expectNear(await trunk.floatLatents(images, 1), await plainTrunk.floatLatents(images, 1));
    await trunk.close();
    await plainTrunk.close();
    expect([...backbone.crownModel.graph.initializers.keys()]).not.toContain('unused');
  });

  it('whose pictures are bytes', async () => {
    const model = tinyModel();
    model.graph.inputs[0]!.type = ElementType.uint8;
    const cast = node('Cast', ['image'], ['picture'], { to: int(1) });
    model.graph.nodes[0]!.inputs[0] = 'picture';
    model.graph.nodes.unshift(cast);
    const backbone = await Backbone.open(writeTiny(scratch.path(), {}, model), engine);
    const trunk = await backbone.openTrunk(engine);
    const plain = await Backbone.open(writeTiny(scratch.path('plain')), engine);
    const plainTrunk = await plain.openTrunk(engine);
    const images = Float32Array.from({ length: 192 }, (_, i) => i);
    expectNear(await trunk.floatLatents(images, 1), await plainTrunk.floatLatents(images, 1), 1e-3);
    await trunk.close();
    await plainTrunk.close();
  });
});

describe('a backbone is refused', () => {
  it('that was exported for a batch of 4', async () => {
    const model = tinyModel();
    model.graph.inputs[0]!.dims = [4, 3, 8, 8];
    await expect(Backbone.open(writeTiny(scratch.path(), {}, model), engine)).rejects.toMatchObject({
      code: 'onnx-invalid',
      message: expect.stringMatching(/'image' has a fixed batch of 4; export/),
    });
  });

  it('whose crown has an operator of another domain, which its trunk may have', async () => {
    const model = tinyModel();
    model.domains = { 'com.microsoft': 1 };
    const foreign = (n: Node) => ({ ...n, op: 'Trilu', domain: 'com.microsoft' });
    model.graph.nodes[1] = foreign(model.graph.nodes[1]!);
    await expectSame(model);
    const file = writeTiny(scratch.path('crown'), { split: 'stem' }, model);
    await expect(Backbone.open(file, engine)).rejects.toMatchObject({
      code: 'onnx-invalid',
      message: expect.stringMatching(/'stem\.relu' \(Trilu\): it is of the operator set 'com\.microsoft'/),
    });
  });
});
