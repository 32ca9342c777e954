import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FloatTensor, Program } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import { Pnn } from '../../src/learn/isolation/pnn.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import type { Isolation } from '../../src/learn/strategy.js';
import { trainingGraph } from '../../src/learn/training-graph.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { int, ints, type Model, node, sizeOf, string } from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';
import { rejectionOf } from '../error-of.js';
import { smallCrown } from '../learn/small-crown.js';
import { testedBackends } from './tfjs-backends.js';
import { a, b, tensor, twoOutputs } from './two-outputs.js';

const ort = new OrtEngine();

/** The same for any number of rows. */
function anyRows(): Model {
  const model = twoOutputs();
  for (const v of [...model.graph.inputs, ...model.graph.outputs]) v.dims = ['N', 3];
  return model;
}

/** One training step of the small crown: the graph, and tensors for all that it reads. */
function trainingStep(isolation: Isolation): { model: Model; feeds: Record<string, FloatTensor> } {
  const context = { crown: smallCrown(), earlier: [] };
  const strategies = { isolation, regularization: new NoRegularization() };
  const { model, parameters } = trainingGraph(strategies, context, 6, 3, LEARNER_DEFAULTS, new Random(1));
  const random = new Random(7);
  const feeds = Object.fromEntries(
    model.graph.inputs.map((i) => {
      const dims = (i.dims ?? []).map(Number);
      const initial = parameters.find((p) => p.name === i.name)?.initial;
      // Masks start above their threshold; noise has some of them below, and the head not at zero.
      const near = (v: number) => v + 0.006 * random.normal();
      const data = initial
        ? initial.map(near)
        : Float32Array.from({ length: sizeOf(dims) }, () => random.normal());
      return [i.name, { dims, data: i.name.endsWith('.adam2') ? data.map(Math.abs) : data }];
    }),
  );
  const targets = Float32Array.from({ length: 18 }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0));
  return { model, feeds: { ...feeds, targets: { dims: [6, 3], data: targets }, rate: tensor([0.3], []) } };
}

describe.each(testedBackends())('the engine tfjs $title', ({ engine }) => {
  describe.skipIf(!engine)('a compiled graph', () => {
    let program: Program;
    beforeAll(async () => {
      program = await engine!.compile(anyRows());
    });
    afterAll(() => program.close());

    it('gives every output by name, with its shape, for any batch', async () => {
      expect(program.outputs).toEqual(['sum', 'product']);
      expect(await program.run({ a, b })).toEqual({
        sum: tensor([11, 22, 33, 44, 55, 66], [2, 3]),
        product: tensor([10, 40, 90, 160, 250, 360], [2, 3]),
      });
      const one = { a: tensor([1, 2, 3], [1, 3]), b: tensor([4, 5, 6], [1, 3]) };
      expect((await program.run(one)).sum).toEqual(tensor([5, 7, 9], [1, 3]));
    });

    it('writes an output in place where it is given a tensor for it', async () => {
      const sum = tensor([0, 0, 0, 0, 0, 0], [2, 3]);
      const out = await program.run({ a, b }, { sum });
      expect(out.sum).toBe(sum);
      expect([...sum.data]).toEqual([11, 22, 33, 44, 55, 66]);
      expect([...out.product!.data]).toEqual([10, 40, 90, 160, 250, 360]);
    });

    it('runs from the bytes of a file, too', async () => {
      const same = await engine!.compile(encodeModel(anyRows()));
      expect(await same.run({ a, b })).toEqual(await program.run({ a, b }));
      await same.close();
    });

    it.each([
      [
        'an input of another shape',
        { a: tensor([1, 2, 3, 4], [2, 2]), b },
        /'a' is of shape \[2,2\]; expected \[N,3\]/,
      ],
      [
        'an input of another rank',
        { a: tensor([1, 2, 3], [3]), b },
        /'a' is of shape \[3\]; expected \[N,3\]/,
      ],
      ['an input left out', { a }, /input 'b' is missing/],
      ['an input that there is not', { a, b, c: b }, /there is no input 'c'; inputs: a, b/],
      ['data that is not of the shape', { a: tensor([1, 2], [2, 3]), b }, /2 elements; expected 6/],
      [
        'shapes that do not go together',
        { a, b: tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]) },
        /node 'sum' \(Add\)/,
      ],
    ])(
      'refuses %s, keeps nothing, and runs again afterwards',
      async (_, feeds: Record<string, FloatTensor>, message) => {
        const before = tf.memory().numTensors;
        const error = await rejectionOf(program.run(feeds));
        expect(error.code).toBe('engine-run');
        expect(error.message).toMatch(message);
        expect(tf.memory().numTensors).toBe(before);
        expect([...(await program.run({ a, b })).sum!.data]).toEqual([11, 22, 33, 44, 55, 66]);
      },
    );

    it('refuses to write an output into a tensor of another shape', async () => {
      const error = await rejectionOf(program.run({ a, b }, { sum: tensor([0, 0, 0], [1, 3]) }));
      expect(error.code).toBe('engine-run');
      expect(error.message).toMatch(
        /output 'sum' is of shape \[2,3\]; the tensor to write it to is of \[1,3\]/,
      );
    });
  });

  describe.skipIf(!engine)('memory', () => {
    it.each([
      ['a mask', () => new Piggyback()],
      ['a column', () => new Pnn()],
    ])('of a training step of %s is given back: after each run, and at the end', async (_, make) => {
      const { model, feeds } = trainingStep(make());
      const atFirst = tf.memory().numTensors;
      const program = await engine!.compile(model);
      await program.run(feeds);
      const { numTensors, numDataBuffers } = tf.memory();
      for (let i = 0; i < 2; i++) await program.run(feeds);
      expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
      expect(numTensors).toBeGreaterThan(atFirst);
      await program.close();
      expect(tf.memory().numTensors).toBe(atFirst);
      expect((await rejectionOf(program.run(feeds))).message).toMatch(/closed/);
    });

    it('is not shared with whoever asked: results are copies, and constants are', async () => {
      const g = new GraphBuilder();
      const weight = { type: 1 as const, dims: [3], data: Float32Array.from([1, 2, 3]) };
      g.op('Identity', [g.input('x', [3])], {}, 'same');
      g.op('Mul', ['x', g.constant(weight)], {}, 'y');
      g.output('same');
      g.output('y');
      const program = await engine!.compile(g.model());
      weight.data.fill(0);
      const x = tensor([1, 1, 1], [3]);
      const out = await program.run({ x });
      x.data.fill(5);
      expect([...out.same!.data]).toEqual([1, 1, 1]);
      expect([...out.y!.data]).toEqual([1, 2, 3]);
      await program.close();
    });
  });

  it.skipIf(!engine)('two programs that run at once do not disturb each other', async () => {
    const programs = await Promise.all([engine!.compile(anyRows()), ort.compile(anyRows())]);
    const runs = programs.flatMap((p) => [p.run({ a, b }), p.run({ a: b, b: a })]);
    for (const out of await Promise.all(runs)) expect([...out.sum!.data]).toEqual([11, 22, 33, 44, 55, 66]);
    for (const p of programs) await p.close();
  });

  it.skipIf(!engine).each([
    ['a mask', () => new Piggyback()],
    ['a column', () => new Pnn()],
  ])('a training step of %s is the same as in ONNX Runtime', async (_, make) => {
    const { model, feeds } = trainingStep(make());
    const results: Record<string, FloatTensor>[] = [];
    for (const e of [ort, engine!]) {
      const program = await e.compile(model);
      results.push(await program.run(feeds));
      await program.close();
    }
    const [expected, found] = results;
    expect(Object.keys(found!)).toEqual(Object.keys(expected!));
    for (const [name, t] of Object.entries(expected!)) {
      expect(found![name]!.dims).toEqual(t.dims);
      const scale = t.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      t.data.forEach((v, i) => {
        const error = Math.abs(found![name]!.data[i]! - v) / scale;
        expect(error, `${name}[${i}]: ort ${v}, tfjs ${found![name]!.data[i]}`).toBeLessThan(1e-4);
      });
    }
    expect(found!.loss!.data[0]).toBeGreaterThan(0);
  });

  describe.skipIf(!engine)('a graph that cannot be compiled', () => {
    const odd = (change: (model: Model) => void) => {
      const model = anyRows();
      change(model);
      return model;
    };
    it.each<[string, () => Model | Uint8Array, RegExp]>([
      ['bytes of something else', () => new TextEncoder().encode('no model at all'), /refuses the graph: /],
      [
        'an operator that it lacks',
        () => odd((m) => m.graph.nodes.splice(0, 1, node('Addd', ['a', 'b'], ['sum']))),
        /has no operator Addd \(node 'sum'\); supported: Abs, Acos, .*Where, Xor\. Use the engine ort/,
      ],
      [
        "an operator called as an object's parts are",
        () => odd((m) => m.graph.nodes.splice(0, 1, node('toString', ['a', 'b'], ['sum']))),
        /has no operator toString \(node 'sum'\)/,
      ],
      [
        "an operator of somebody's own",
        () => odd((m) => m.graph.nodes.splice(0, 1, node('Add', ['a', 'b'], ['sum'], {}, 'my.domain'))),
        /my\.domain\.Add \(node 'sum'\)|node 'sum' \(Add\).*'my\.domain'/,
      ],
      [
        'a form that it lacks',
        () =>
          odd((m) =>
            m.graph.nodes.splice(0, 1, node('Resize', ['a', 'b'], ['sum'], { mode: string('cubic') })),
          ),
        /cannot run node 'sum' \(Resize\): only the modes nearest and linear/,
      ],
      [
        'half a file',
        () => readFileSync('models/efficientnet-lite0.onnx').subarray(0, 5_000_000),
        /refuses the graph: .*truncated/,
      ],
      [
        'an input of whole numbers',
        () =>
          odd((m) => {
            m.graph.inputs[0]!.type = 7;
          }),
        /input 'a' is not of float32/,
      ],
    ])('%s', async (_, make, message) => {
      const error = await rejectionOf(engine!.compile(make()));
      expect(error.code).toBe('engine-compile');
      expect(error.message).toMatch(message);
    });

    it.each<[string, ReturnType<typeof node>, RegExp]>([
      ['positions by columns', node('MaxPool', ['a'], ['sum'], { storage_order: int(1) }), /row-major/],
      ['a dilated mean', node('AveragePool', ['a'], ['sum'], { dilations: ints([2, 2]) }), /dilations/],
      [
        'a product',
        node('ScatterElements', ['a', 'b', 'b'], ['sum'], { reduction: string('mul') }),
        /none and add/,
      ],
      [
        'padding by name',
        node('ConvTranspose', ['a', 'b'], ['sum'], { auto_pad: string('VALID') }),
        /explicit pads/,
      ],
      [
        'statistics of a batch',
        node('BatchNormalization', ['a', 'b', 'b', 'b', 'b'], ['sum'], { training_mode: int(1) }),
        /training form|form for inference/,
      ],
    ])('with a form that it lacks: %s', async (_, n, message) => {
      const model = odd((m) => m.graph.nodes.splice(0, 1, n));
      expect((await rejectionOf(engine!.compile(model))).message).toMatch(message);
    });
  });

  it.skipIf(!engine)('says which engine it is, and what to think of it', () => {
    expect(engine!.name).toBe('tfjs');
    expect(engine!.version).toBe('4.22.0');
    if (engine!.backend === 'tensorflow') expect(engine!.caution).toBeUndefined();
    else expect(engine!.caution).toMatch(/in JavaScript .*only for tests/);
  });
});
