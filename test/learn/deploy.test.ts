import { writeFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { decodeLatent } from '../../src/backbone/latent.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { type AdapterTensors, type Head, half } from '../../src/learn/adapter.js';
import { deployModel, FEATURES, PROBABILITIES, SUMMARY } from '../../src/learn/deploy.js';
import { logits } from '../../src/learn/head.js';
import { isolationNamed } from '../../src/learn/methods.js';
import { TaskNetwork } from '../../src/learn/network.js';
import { sizeOf } from '../../src/onnx/model.js';
import { decodeModel } from '../../src/onnx/read.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';
import { scratchFolder } from '../store/scratch.js';
import { CODEC, patternSamples, smallCrown } from './small-crown.js';

const engine = new OrtEngine();
const scratch = scratchFolder();
const context = { crown: smallCrown(), earlier: [] };
const { latents } = patternSamples(7, 3, 4);

function tensorsOf(method: string): AdapterTensors {
  const isolation = isolationNamed(method);
  const random = new Random(6);
  const { parameters } = isolation.network(context, 1, random);
  const values = parameters.map(
    (p) => [p.name, p.initial.map((v) => v * (0.3 + 1.4 * random.next()))] as const,
  );
  return isolation.freeze(context, new Map(values));
}

function headOf(kind: Head['kind'], features: number): Head {
  const random = new Random(9);
  const weight = half(
    Float32Array.from({ length: 3 * features }, () => 0.1 * random.normal()),
    [3, features],
  ).data;
  return { kind, classes: ['a', 'b', 'c'], weight, bias: Float32Array.of(0.5, 0, -0.5), features };
}

/** Features, summaries and head of a method, with what each latent's probabilities must be. */
async function expected(method: string, kind: Head['kind']) {
  const isolation = isolationNamed(method);
  const tensors = tensorsOf(method);
  const network = await TaskNetwork.open(engine, deployModel(isolation, context, { tensors }), CODEC);
  const described = await network.describe(latents);
  await network.close();
  const rows = kind === 'softmax' ? described.features : described.summary;
  const head = headOf(kind, rows.width);
  const scores = logits(head, rows);
  const probabilities = latents.map((_, i) => {
    const exp = [...scores.data.subarray(3 * i, 3 * i + 3)].map(Math.exp);
    return exp.map((e) => e / exp.reduce((p, q) => p + q));
  });
  return { model: deployModel(isolation, context, { tensors, head }).model, probabilities };
}

describe.each(['frozen', 'piggyback', 'pnn'])('a deployed network (%s)', (method) => {
  it.each(['softmax', 'discriminant'] as const)(
    'with a %s head gives its probabilities in plain onnxruntime',
    async (kind) => {
      const { model, probabilities } = await expected(method, kind);
      const file = scratch.path('task.onnx');
      writeFileSync(file, encodeModel(model));
      const session = await ort.InferenceSession.create(file);
      expect(session.inputNames).toEqual(['latent']);
      expect(session.outputNames).toEqual([PROBABILITIES]);
      // Any number at once: the batch is symbolic.
      for (const count of [7, 1, 3]) {
        const data = new Float32Array(count * 256);
        for (let i = 0; i < count; i++) decodeLatent(latents[i]!, CODEC, data, i * 256);
        const out = await session.run({ latent: new ort.Tensor('float32', data, [count, 16, 4, 4]) });
        const given = out[PROBABILITIES]!;
        expect(given.dims).toEqual([count, 3]);
        probabilities
          .slice(0, count)
          .flat()
          .forEach((p, i) => {
            expect((given.data as Float32Array)[i]).toBeCloseTo(p, 4);
          });
      }
      await session.release();
    },
  );

  it('is an ordinary ONNX file: standard operators, nothing to be trained, the batch symbolic', async () => {
    const { model } = await expected(method, 'discriminant');
    const { graph, opset } = decodeModel(encodeModel(model));
    expect(opset).toBe(17);
    expect(graph.nodes.every((n) => n.domain === '')).toBe(true);
    expect(graph.nodes.some((n) => n.op === 'Binarize')).toBe(false);
    expect(graph.inputs).toEqual([{ name: 'latent', type: 1, dims: ['N', 16, 4, 4] }]);
    expect(graph.outputs).toMatchObject([{ name: PROBABILITIES, dims: ['N', 3] }]);
  });

  it('without a head gives features and summary, the blocks as wide as it', () => {
    const { model, blocks } = deployModel(isolationNamed(method), context, { tensors: tensorsOf(method) });
    expect(model.graph.outputs.map((o) => o.name)).toEqual([FEATURES, SUMMARY]);
    const width = model.graph.outputs[1]!.dims![1];
    expect(blocks.reduce((p, q) => p + q)).toBe(width);
  });
});

describe('a deployed mask', () => {
  it('is multiplied into the weights: no node more than the crown has, and zeros where the bits are', () => {
    const tensors = tensorsOf('piggyback');
    const bare = deployModel(isolationNamed('frozen'), context, { tensors: new Map() }).model.graph;
    const { nodes, initializers } = deployModel(isolationNamed('piggyback'), context, { tensors }).model
      .graph;
    const convs = (list: typeof nodes) => list.filter((n) => n.op === 'Conv');
    expect(convs(nodes)).toHaveLength(convs(bare.nodes).length);
    expect(nodes.length).toBeLessThanOrEqual(bare.nodes.length);
    const bits = tensors.get('project.mask')!;
    const used = [...initializers].find(([name]) => name.startsWith('project.weight'))![1]
      .data as Float32Array;
    expect(used.length).toBe(sizeOf(bits.dims));
    expect(bits.data.some((bit) => bit === 0) && bits.data.some((bit) => bit === 1)).toBe(true);
    used.forEach((w, i) => {
      expect(w !== 0).toBe(bits.data[i] === 1);
    });
  });
});
