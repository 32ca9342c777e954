import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { ElementType, floats, int, ints, type Model, node, string } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { Random } from '../../src/random.js';

const engine = new OrtEngine();

/** What a model gives for fixed values. */
async function computed(model: Model, dims: number[]) {
  const random = new Random(4);
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal());
  const program = await engine.compile(model, { threads: 1 });
  const { y } = await program.run({ x: { dims, data } });
  await program.close();
  return y!;
}

function poolOf(op: string, opset: number, attributes: Parameters<typeof node>[3], dims: number[]): Model {
  return {
    opset,
    irVersion: 8,
    metadata: {},
    graph: {
      name: 'g',
      nodes: [node(op, op === 'Conv' ? ['x', 'w'] : ['x'], ['y'], attributes)],
      initializers: new Map(op === 'Conv' ? [['w', floats([1, 2, -1], [1, 1, 3])]] : []),
      inputs: [{ name: 'x', type: ElementType.float, dims: ['N', ...dims.slice(1)] }],
      outputs: [{ name: 'y', type: ElementType.float }],
    },
  };
}

it('pools that round the number of windows up, or pad by themselves, give the same with explicit pads', async () => {
  const settings = fc
    .record({
      op: fc.constantFrom('AveragePool', 'AveragePool', 'MaxPool'),
      opset: fc.constantFrom(12, 17, 19, 22),
      size: fc.integer({ min: 3, max: 9 }),
      kernel: fc.integer({ min: 2, max: 4 }),
      stride: fc.integer({ min: 1, max: 4 }),
      before: fc.nat(2),
      after: fc.nat(2),
      dilation: fc.integer({ min: 1, max: 2 }),
      up: fc.nat(1),
      counts: fc.nat(1),
      auto: fc.constantFrom('NOTSET', 'NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
    })
    .map((s) => (s.op === 'AveragePool' || s.auto.startsWith('SAME') ? { ...s, dilation: 1 } : s))
    .filter(
      (s) =>
        Math.max(s.before, s.after) < s.kernel &&
        !(s.auto.startsWith('SAME') && s.stride > s.kernel) &&
        s.size + (s.auto === 'NOTSET' ? s.before + s.after : 0) >= (s.kernel - 1) * s.dilation + 1,
    );
  let rewritten = 0;
  await fc.assert(
    fc.asyncProperty(settings, async (s) => {
      const attributes = {
        kernel_shape: ints([s.kernel]),
        strides: ints([s.stride]),
        ceil_mode: int(s.up),
        ...(s.auto === 'NOTSET' ? { pads: ints([s.before, s.after]) } : { auto_pad: string(s.auto) }),
        ...(s.op === 'MaxPool' ? { dilations: ints([s.dilation]) } : { count_include_pad: int(s.counts) }),
      };
      const dims = [2, 1, s.size];
      const model = poolOf(s.op, s.opset, attributes, dims);
      const normal = normalize(model);
      const [expected, found] = [await computed(model, dims), await computed(normal, dims)];
      expect(found.dims).toEqual(expected.dims);
      found.data.forEach((v, i) => {
        expect(v).toBeCloseTo(expected.data[i]!, 5);
      });
      const pool = normal.graph.nodes.at(-1)!;
      if (!pool.attributes.ceil_mode && s.up) rewritten++;
    }),
    { numRuns: 400, seed: 1 },
  );
  expect(rewritten).toBeGreaterThan(100);
});

it('a dilated convolution that pads by itself, which the runtime has not, is one with explicit pads', async () => {
  const dims = [1, 1, 7];
  const wide = { strides: ints([2]), dilations: ints([2]), auto_pad: string('SAME_UPPER') };
  const explicit = { strides: ints([2]), dilations: ints([2]), pads: ints([2, 2]) };
  const [found, expected] = [normalize(poolOf('Conv', 17, wide, dims)), poolOf('Conv', 17, explicit, dims)];
  expect((await computed(found, dims)).data).toEqual((await computed(expected, dims)).data);
});

it('pools that skip so much that auto_pad would be less than nothing are refused', () => {
  const attributes = { kernel_shape: ints([2]), strides: ints([4]), auto_pad: string('SAME_UPPER') };
  const skipping = poolOf('AveragePool', 12, attributes, [1, 1, 4]);
  expect(() => normalize(skipping)).toThrow(/'y' \(AveragePool\): strides of \[4\] with a kernel of \[2\]/);
});
