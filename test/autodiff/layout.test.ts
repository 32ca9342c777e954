import { describe, expect, it } from 'vitest';
import { channelsLast } from '../../src/autodiff/layout.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, int, ints, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

const random = new Random(11);
const draw = (dims: readonly number[]) => Float32Array.from({ length: sizeOf(dims) }, () => random.normal());

async function compare(b: GraphBuilder): Promise<GraphBuilder> {
  const feeds = Object.fromEntries(
    b.inputs.map((i) => [i.name, { dims: i.dims as number[], data: draw(i.dims as number[]) }]),
  );
  const last = channelsLast(b.graph(), (name) => b.shape(name));
  for (const o of b.outputs) last.output(o.name);
  const results: Float32Array[] = [];
  for (const model of [b.model(), last.model()]) {
    const program = await new OrtEngine().compile(model);
    results.push((await program.run(feeds)).y!.data);
    await program.close();
  }
  expect(results[1]!.length).toBe(results[0]!.length);
  results[1]!.forEach((v, i) => {
    expect(v).toBeCloseTo(results[0]![i]!, 4);
  });
  return last;
}

describe('the channels-last layout', () => {
  it('computes the same for an inverted residual, with one transposition a change of layout', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', [2, 4, 5, 5]);
    const w1 = b.input('w1', [8, 4, 1, 1]);
    const e = b.op('Clip', [b.op('Conv', [x, w1, b.input('b1', [8])]), b.scalar(0), b.scalar(6)]);
    const kernel = b.constant(floats(draw([8, 1, 3, 3]), [8, 1, 3, 3]));
    const d = b.op('Conv', [e, kernel], { group: int(8), pads: ints([1, 1, 1, 1]) });
    const s = b.op('Add', [b.op('Mul', [d, b.input('s', [8, 1, 1])]), b.input('t', [8, 1, 1])]);
    const p = b.op('Conv', [b.op('Relu', [s]), b.input('w2', [4, 8, 1, 1])]);
    const h = b.op('Relu', [b.op('Conv', [b.op('Add', [p, x]), b.input('w3', [6, 4, 1, 1])])]);
    b.op('Flatten', [b.op('GlobalAveragePool', [h])], { axis: int(1) }, 'y');
    b.output('y');
    const last = await compare(b);
    const used = last.nodes.filter((n) => n.op === 'Gemm');
    expect(used.length).toBe(3);
    expect(last.nodes.some((n) => n.op === 'GlobalAveragePool')).toBe(false);
  });

  it('leaves strided, padded and grouped pointwise convolutions alone', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 4, 4, 4]);
    const strided = b.op('Conv', [x, b.input('w1', [4, 4, 1, 1])], { strides: ints([2, 2]) });
    const padded = b.op('Conv', [strided, b.input('w2', [4, 4, 1, 1])], { pads: ints([1, 1, 1, 1]) });
    b.op('Conv', [padded, b.input('w3', [4, 2, 1, 1])], { group: int(2) }, 'y');
    b.output('y');
    const last = await compare(b);
    expect(last.nodes.filter((n) => n.op === 'Conv').length).toBe(3);
  });

  it('keeps [N, C, H, W] for what needs it and for elementwise partners of full size', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', [2, 3, 4, 4]);
    const y = b.op('Conv', [x, b.input('w', [3, 3, 1, 1])]);
    const sum = b.op('Add', [y, b.input('other', [2, 3, 4, 4])]);
    b.op('MaxPool', [sum], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) }, 'y');
    b.output('y');
    await compare(b);
  });

  it('names nothing of its own as the outputs are called', () => {
    for (const op of ['Transpose', 'Reshape', 'Gemm']) {
      for (let k = 0; k < 8; k++) {
        const b = new GraphBuilder();
        const conv = b.op('Conv', [b.input('x', [2, 3, 4, 4]), b.input('w', [3, 3, 1, 1])]);
        b.op('Relu', [conv], {}, `${op}_${k}`);
        b.output(`${op}_${k}`);
        const last = channelsLast(b.graph(), (name) => b.shape(name));
        expect(last.shape(`${op}_${k}`)).toEqual([2, 3, 4, 4]);
      }
    }
  });
});
