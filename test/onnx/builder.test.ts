import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { ElementType, floats, int, int64s, ints, node } from '../../src/onnx/model.js';

describe('the graph builder', () => {
  it('knows the shape of every tensor as soon as it is named', () => {
    const b = new GraphBuilder();
    b.input('x', [2, 3, 4]);
    expect(b.shape('x')).toEqual([2, 3, 4]);
    const t = b.op('Transpose', ['x'], { perm: ints([2, 0, 1]) });
    expect(b.shape(t)).toEqual([4, 2, 3]);
    expect(b.shape(b.op('Reshape', [t, b.ints(-1, 3)]))).toEqual([8, 3]);
    expect(b.shape(b.scalar(1))).toEqual([]);
    expect(() => b.shape('none')).toThrow(/no tensor 'none'/);
  });

  it('gives every tensor a name of its own, and refuses one that is taken', () => {
    const b = new GraphBuilder();
    b.input('Relu_0', [1]);
    const names = Array.from({ length: 4 }, () => b.op('Relu', ['Relu_0']));
    expect(new Set([...names, 'Relu_0']).size).toBe(5);
    expect(() => b.input('Relu_0', [2])).toThrow(/has a tensor 'Relu_0' already/);
    expect(() => b.op('Relu', ['Relu_0'], {}, names[2])).toThrow(/already/);
    expect(() => b.constant(floats([1], [1]), 'Relu_0')).toThrow(/already/);
  });

  it('keeps equal small constants once, and others apart', () => {
    const b = new GraphBuilder();
    expect(b.scalar(0.5)).toBe(b.scalar(0.5));
    expect(b.ints(1, 2)).toBe(b.ints(1, 2));
    const all = [
      b.scalar(0.5),
      b.scalar(-0.5),
      b.scalar(12),
      b.ints(12),
      b.ints(1, 2),
      b.ints(),
      b.ints(-1, 2),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(b.integers(b.ints(-1, 2))).toEqual([-1, 2]);
    expect(b.integers(b.scalar(1))).toBeUndefined();
  });

  it('tells minus zero from zero', () => {
    const b = new GraphBuilder();
    const [zero, minus] = [b.scalar(0), b.scalar(-0)].map((n) => b.initializers.get(n)!.data[0]);
    expect(Object.is(zero, 0)).toBe(true);
    expect(Object.is(minus, -0)).toBe(true);
  });

  it('says which node produces a tensor, and which none does', () => {
    const b = new GraphBuilder();
    b.input('x', [1]);
    const y = b.op('Relu', ['x']);
    expect(b.producer(y)).toMatchObject({ op: 'Relu', inputs: ['x'], name: y });
    expect(b.producer('x')).toBeUndefined();
    expect(b.producer(b.scalar(1))).toBeUndefined();
  });

  it('asks a node for further outputs, each once', async () => {
    const b = new GraphBuilder();
    b.input('x', [1, 1, 4]);
    const y = b.op('MaxPool', ['x'], { kernel_shape: ints([2]), strides: ints([2]) });
    const indices = b.extraOutput(b.producer(y)!, 1);
    expect(b.extraOutput(b.producer(y)!, 1)).toBe(indices);
    expect(b.shape(indices)).toEqual([1, 1, 2]);
    b.op('Cast', [indices], { to: int(ElementType.float) }, 'at');
    b.output('at');
    const program = await new OrtEngine().compile(b.model());
    const out = await program.run({ x: { dims: [1, 1, 4], data: Float32Array.of(1, 5, 9, 2) } });
    expect([...out.at!.data]).toEqual([1, 2]);
    await program.close();
  });

  it('puts a given node in under the name of its first output', () => {
    const b = new GraphBuilder();
    b.input('x', [6, 2]);
    b.constant(int64s([2, 4]), 'sizes');
    b.add({ ...node('Split', ['x', 'sizes'], ['a', 'b'], { axis: int(0) }), name: 'other' });
    expect(b.nodes[0]!.name).toBe('a');
    expect([b.shape('a'), b.shape('b')]).toEqual([
      [2, 2],
      [4, 2],
    ]);
  });

  it('knows the values of what is computed from shapes, whose nodes stay', () => {
    const b = new GraphBuilder();
    b.input('x', [2, 3, 4]);
    const rows = b.op('Gather', [b.op('Shape', ['x']), b.ints(0)]);
    const to = b.op('Concat', [rows, b.ints(-1)], { axis: int(0) });
    expect(b.integers(to)).toEqual([2, -1]);
    expect(b.shape(b.op('Reshape', ['x', to]))).toEqual([2, 12]);
    expect(b.nodes.map((n) => n.op)).toEqual(['Shape', 'Gather', 'Concat', 'Reshape']);
    const half = b.op('Mul', [b.op('Cast', [rows], { to: int(ElementType.float) }), b.scalar(0.5)]);
    expect(b.numbers(half)).toEqual([1]);
    expect(b.integers(half)).toBeUndefined();
    expect(b.integers('x')).toBeUndefined();
    expect(b.numbers(b.op('Expand', [b.scalar(0), b.ints(5000)]))).toBeUndefined();
  });

  it('makes a model that runs', async () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    b.op('Mul', ['x', b.scalar(3)], {}, 'y');
    b.output('y');
    const model = b.model('named');
    expect(model).toMatchObject({
      opset: 17,
      graph: { name: 'named', outputs: [{ name: 'y', type: 1, dims: [2] }] },
    });
    const program = await new OrtEngine().compile(model);
    expect([...(await program.run({ x: { dims: [2], data: Float32Array.of(1, 2) } })).y!.data]).toEqual([
      3, 6,
    ]);
    await program.close();
  });
});
