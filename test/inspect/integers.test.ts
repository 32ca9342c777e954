import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { inspect, type Phase } from '../../src/inspect/inspect.js';
import { ElementType, floats, int, ints, type Model, node, sizeOf } from '../../src/onnx/model.js';
import { tinyModel, writeTiny } from '../backbone/tiny-backbone.js';
import { scratchFolder } from '../store/scratch.js';
import { written } from './networks.js';

const engine = new OrtEngine();
const scratch = scratchFolder();
const phase: Phase = (_, work) => work(async () => {});
const look = (file: string, cut?: string) =>
  inspect(engine, file, { ...(cut && { cut }), batch: 4, calibrate: false }, phase);

/** The tiny network, whose first convolution computes with integers (QLinearConv), as onnxruntime's QOperator format has it. */
function integersFirst(): Model {
  const model = tinyModel();
  const { graph } = model;
  const [conv] = graph.nodes as [(typeof graph.nodes)[0]];
  const weight = graph.initializers.get(conv.inputs[1]!)!;
  const scale = Math.max(...(weight.data as Float32Array).map(Math.abs)) / 127;
  const byte = (dims: readonly number[], values: Iterable<number>) => ({
    ...{ type: ElementType.int8, dims: [...dims], data: Int8Array.from(values) },
  });
  const constants = {
    w: byte(
      weight.dims,
      [...(weight.data as Float32Array)].map((v) => Math.round(v / scale)),
    ),
    ...{ zero: byte([], [0]), ws: floats([scale], []), xs: floats([0.03], []), ys: floats([0.1], []) },
  };
  for (const [name, t] of Object.entries(constants)) graph.initializers.set(name, t);
  graph.nodes.splice(
    0,
    1,
    node('QuantizeLinear', ['image', 'xs', 'zero'], ['image.q']),
    node('QLinearConv', ['image.q', 'xs', 'zero', 'w', 'ws', 'zero', 'ys', 'zero'], ['stem.q'], {
      ...{ strides: ints([2, 2]), pads: ints([1, 1, 1, 1]), group: int(1) },
    }),
    node('DequantizeLinear', ['stem.q', 'ys', 'zero'], ['stem']),
  );
  graph.initializers.delete(conv.inputs[1]!);
  return model;
}

describe('a network whose trunk computes with integers', () => {
  it('is inspected, with the figures of its float twin, and cut where learning cuts it', async () => {
    const [whole, bytes] = [
      await look(written('float.onnx', tinyModel())),
      await look(written('bytes.onnx', integersFirst())),
    ];
    expect(bytes.total).toMatchObject({ weights: whole.total.weights, flops: whole.total.flops });
    const figures = (r: typeof whole) =>
      r.cuts.map(({ tensor, latent, crown, mask, trainable, obstacle }) => ({
        ...{ tensor, latent, crown, mask, trainable, obstacle },
      }));
    expect(figures(bytes)).toEqual(figures(whole));
    expect(bytes.cuts.map((c) => c.tensor)).toContain('stem');
    expect(bytes.cut).toBe(whole.cut);
  });

  it('has at every trainable cut the crown that learning takes', async () => {
    const manifest = writeTiny(scratch.path(), {}, integersFirst());
    const r = await look(manifest);
    for (const c of r.cuts.filter((cut) => cut.trainable)) {
      const backbone = await Backbone.open(manifest, engine, c.tensor);
      expect([...backbone.latentShape]).toEqual(c.latent!.shape);
      expect(sizeOf(backbone.latentShape)).toBeGreaterThan(0);
    }
  });

  it('says at the cuts before the integers why no crown is learned from there', async () => {
    const model = integersFirst();
    model.graph.nodes.unshift(node('Relu', ['image'], ['bright']));
    model.graph.nodes[1]!.inputs[0] = 'bright';
    const r = await look(written('before.onnx', model));
    const at = (tensor: string) => r.cuts.find((c) => c.tensor === tensor);
    expect(at('bright')).toMatchObject({
      trainable: false,
      obstacle: expect.stringMatching(/computes with integers.*Cut the network later/),
    });
    expect(at('stem')).toMatchObject({ trainable: true });
    await expect(Backbone.open(writeTiny(scratch.path(), {}, model), engine, 'bright')).rejects.toMatchObject(
      { code: 'onnx-invalid', message: at('bright')!.obstacle },
    );
  });

  it('so also where it is a pair of another kind than a crown may have', async () => {
    const model = tinyModel();
    const { graph } = model;
    // What was quantized by one scale is read by another, as where a quantizer has fused a product into it.
    graph.initializers.set('s1', floats([0.1], []));
    graph.initializers.set('s2', floats([0.2], []));
    graph.nodes.splice(1, 0, node('QuantizeLinear', ['stem', 's1'], ['stem.q']));
    graph.nodes.splice(2, 0, node('DequantizeLinear', ['stem.q', 's2'], ['stem.dq']));
    graph.nodes[3]!.inputs[0] = 'stem.dq';
    const r = await look(written('pair.onnx', model));
    const trainable = r.cuts.filter((c) => c.trainable).map((c) => c.tensor);
    expect(trainable).toContain('stem.dq');
    expect(trainable).not.toContain('stem');
    expect(r.cuts.find((c) => c.tensor === 'stem')!.obstacle).toMatch(
      /not those that the tensor was quantized with/,
    );
  });

  it('is refused where an operator has no such twin', async () => {
    const model = integersFirst();
    model.graph.nodes[1] = { ...model.graph.nodes[1]!, op: 'QLinearSomething', domain: 'com.microsoft' };
    await expect(look(written('unknown.onnx', model))).rejects.toMatchObject({ code: 'onnx-invalid' });
  });
});
