import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Program } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints, type Model, sizeOf } from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';
import { rejectionOf } from '../error-of.js';
import { a, b, tensor, twoOutputs } from './two-outputs.js';

const engine = new OrtEngine();

/** Convolutions and a large product, so that threads have something to share. */
function largeNetwork(): Model {
  const random = new Random(1);
  const draw = (dims: number[]) =>
    floats(
      Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
      dims,
    );
  const b = new GraphBuilder();
  const x = b.input('x', [4, 16, 32, 32]);
  const conv = b.op('Conv', [x, b.constant(draw([32, 16, 3, 3]))], { pads: ints([1, 1, 1, 1]) });
  const flat = b.op('Flatten', [b.op('Relu', [conv])], { axis: int(1) });
  b.op('MatMul', [flat, b.constant(draw([32 * 32 * 32, 8]))], {}, 'y');
  b.output('y');
  return b.model();
}

/** Threads of this process now. */
const threads = () => readdirSync('/proc/self/task').length;

describe('a compiled graph', () => {
  let program: Program;
  beforeAll(async () => {
    program = await engine.compile(twoOutputs());
  });
  afterAll(() => program.close());

  it('gives every output by name, with its shape', async () => {
    expect(program.outputs).toEqual(['sum', 'product']);
    expect(await program.run({ a, b })).toEqual({
      sum: tensor([11, 22, 33, 44, 55, 66], [2, 3]),
      product: tensor([10, 40, 90, 160, 250, 360], [2, 3]),
    });
  });

  it('keeps no copy of what it wrote in place, and gives no array of ours away', async () => {
    const b = new GraphBuilder();
    b.op('Neg', [b.input('x', [1024, 256])], {}, 'y');
    b.output('y');
    const large = await engine.compile(b.model());
    const tensor = () => ({ dims: [1024, 256], data: new Float32Array(1024 * 256).fill(3) });
    const [x, y] = [tensor(), tensor()];
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 30; i++) await large.run({ x }, { y });
    // Thirty copies would be 30 MiB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
    expect(y.data[1024 * 256 - 1]).toBe(-3);
    expect(x.data[0]).toBe(3);
    await large.close();
  });

  it('writes an output in place where it is given a tensor for it', async () => {
    const sum = tensor([0, 0, 0, 0, 0, 0], [2, 3]);
    const out = await program.run({ a, b }, { sum });
    expect(out.sum).toBe(sum);
    expect([...sum.data]).toEqual([11, 22, 33, 44, 55, 66]);
    expect([...out.product!.data]).toEqual([10, 40, 90, 160, 250, 360]);
  });

  it('runs from the bytes of a file, too', async () => {
    const same = await engine.compile(encodeModel(twoOutputs()));
    expect(await same.run({ a, b })).toEqual(await program.run({ a, b }));
    await same.close();
  });

  it.each([
    ['an input of another shape', { a: tensor([1, 2, 3, 4], [2, 2]), b }, /a[\s\S]*Got: 2 Expected: 3/],
    ['an input of another rank', { a: tensor([1, 2, 3], [3]), b }, /Invalid rank for input: a/],
    ['an input left out', { a }, /'b' is missing/],
    [
      'data that is not of the shape',
      { a: tensor([1, 2], [2, 3]), b },
      /Tensor's size\(6\) does not match data length\(2\)/,
    ],
  ])('refuses %s, and runs again afterwards', async (_, feeds, message) => {
    const error = await rejectionOf(program.run(feeds));
    expect(error.code).toBe('engine-run');
    expect(error.message).toMatch(message);
    expect([...(await program.run({ a, b })).sum!.data]).toEqual([11, 22, 33, 44, 55, 66]);
  });

  it('refuses to write an output into a tensor of another shape', async () => {
    const error = await rejectionOf(program.run({ a, b }, { sum: tensor([0, 0, 0], [1, 3]) }));
    expect(error.code).toBe('engine-run');
  });
});

describe('closing', () => {
  it('waits for what runs, and nothing runs after', async () => {
    const program = await engine.compile(twoOutputs());
    const running = [program.run({ a, b }), program.run({ a: b, b })];
    await Promise.all([program.close(), program.close()]);
    const [first, second] = await Promise.all(running);
    expect([...first!.sum!.data]).toEqual([11, 22, 33, 44, 55, 66]);
    expect([...second!.sum!.data]).toEqual([20, 40, 60, 80, 100, 120]);
    const error = await rejectionOf(program.run({ a, b }));
    expect(error.message).toMatch(/closed/);
  });

  it('gives the memory back', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 1000]);
    b.op('MatMul', [x, b.constant(floats(new Float32Array(4_000_000).fill(0.5), [1000, 4000]))], {}, 'y');
    b.output('y');
    const bytes = encodeModel(b.model());
    const feeds = { x: { dims: [1, 1000], data: new Float32Array(1000).fill(1) } };
    const cycle = async () => {
      const program = await engine.compile(bytes, { arena: false });
      expect((await program.run(feeds)).y!.data[3999]).toBe(500);
      await program.close();
    };
    for (let i = 0; i < 3; i++) await cycle();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 12; i++) await cycle();
    // Twelve programs of 16 MB: kept, they would be 192 MB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(80e6);
  });
});

describe('determinism and threads', () => {
  const model = largeNetwork();
  const random = new Random(2);
  const x = { dims: [4, 16, 32, 32], data: Float32Array.from({ length: 65_536 }, () => random.normal()) };

  it.each([1, 2])('two runs, and two programs, on %d thread(s) give the same bits', async (count) => {
    const results: Float32Array[] = [];
    for (let k = 0; k < 2; k++) {
      const program = await engine.compile(model, { threads: count });
      for (let i = 0; i < 2; i++) results.push((await program.run({ x })).y!.data);
      await program.close();
    }
    for (const r of results.slice(1)) expect(r).toEqual(results[0]);
    expect(results[0]!.some((v) => v !== 0)).toBe(true);
  });

  it.skipIf(process.platform !== 'linux')(
    'starts as many threads as it is told, the caller counted',
    async () => {
      const before = threads();
      const single = await engine.compile(model, { threads: 1 });
      expect(threads() - before).toBe(0);
      const four = await engine.compile(model, { threads: 4 });
      expect(threads() - before).toBe(3);
      await Promise.all([single.close(), four.close()]);
      expect(threads() - before).toBe(0);
    },
  );

  it('gives the same to rounding with and without the memory arena', async () => {
    const [kept, freed] = await Promise.all(
      [true, false].map((arena) => engine.compile(model, { arena, threads: 1 })),
    );
    expect((await kept!.run({ x })).y!.data).toEqual((await freed!.run({ x })).y!.data);
    await Promise.all([kept!.close(), freed!.close()]);
  });
});

describe('a graph that cannot be compiled', () => {
  it.each([
    ['bytes of something else', () => new TextEncoder().encode('no model at all'), /refuses the graph/],
    ['nothing', () => new Uint8Array(), /refuses the graph/],
    [
      'an operator that there is not',
      () => {
        const model = twoOutputs();
        model.graph.nodes[0] = { ...model.graph.nodes[0]!, op: 'Addd' };
        return model;
      },
      /refuses the graph: .*Addd/,
    ],
    [
      'half a file',
      () => readFileSync('models/efficientnet-lite0.onnx').subarray(0, 5_000_000),
      /refuses the graph/,
    ],
  ])('%s', async (_, make, message) => {
    const error = await rejectionOf(engine.compile(make()));
    expect(error.code).toBe('engine-compile');
    expect(error.message).toMatch(message);
  });
});

it('says which engine it is', () => {
  const installed = JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8')) as {
    version: string;
  };
  expect(engine.name).toBe('ort');
  expect(engine.version).toBe(installed.version);
});
