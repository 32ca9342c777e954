import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { inline } from '../../src/onnx/inline.js';
import { ElementType, int, int64s, ints, node, string } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { draw, type Form, holds, index, modelOf, scalar } from './form.js';

describe('shapes that exporters compute', () => {
  const flatten: Form = {
    opset: 13,
    dims: [2, 3, 2],
    nodes: [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'zero'], ['n']),
      node('Unsqueeze', ['n', 'axes'], ['n1']),
      node('Concat', ['n1', 'rest'], ['to'], { axis: int(0) }),
      node('Reshape', ['x', 'to'], ['y']),
    ],
    constants: { zero: index(0), axes: int64s([0]), rest: int64s([-1]) },
  };
  it('flattening by the size of the batch', async () => {
    const b = await holds(flatten);
    expect(b.shape('y')).toEqual([2, 6]);
  });

  it('a class token for every picture, by way of -1', () =>
    holds({
      opset: 13,
      dims: [2, 3, 4],
      nodes: [
        node('Shape', ['x'], ['shape']),
        node('Gather', ['shape', 'zero'], ['n']),
        node('Unsqueeze', ['n', 'axes'], ['n1']),
        node('Concat', ['n1', 'minus', 'minus'], ['want'], { axis: int(0) }),
        node('Shape', ['want'], ['rank']),
        node('ConstantOfShape', ['rank'], ['ones'], { value: { kind: 'tensor', value: int64s([1]) } }),
        node('Mul', ['ones', 'minus1'], ['minuses']),
        node('Equal', ['want', 'minuses'], ['same']),
        node('Where', ['same', 'ones', 'want'], ['to']),
        node('Expand', ['token', 'to'], ['tokens']),
        node('Concat', ['tokens', 'x'], ['all'], { axis: int(1) }),
        node('Add', ['all', 'positions'], ['a']),
        node('Gather', ['a', 'zero'], ['y'], { axis: int(1) }),
      ],
      constants: {
        zero: index(0),
        axes: int64s([0]),
        minus: int64s([-1]),
        minus1: index(-1),
        token: draw([1, 1, 4]),
        positions: draw([1, 4, 4]),
      },
    }));

  it('twice the size, by way of floats', () =>
    holds({
      opset: 13,
      dims: [1, 2, 2, 3],
      nodes: [
        node('Shape', ['x'], ['shape']),
        node('Slice', ['shape', 'two', 'four'], ['spatial']),
        node('Slice', ['shape', 'zero', 'two'], ['lead']),
        node('Cast', ['spatial'], ['f'], { to: int(ElementType.float) }),
        node('Mul', ['f', 'factor'], ['larger']),
        node('Floor', ['larger'], ['floor']),
        node('Cast', ['floor'], ['sizes'], { to: int(ElementType.int64) }),
        node('Concat', ['lead', 'sizes'], ['to'], { axis: int(0) }),
        node('Resize', ['x', '', '', 'to'], ['y'], {
          mode: string('nearest'),
          coordinate_transformation_mode: string('asymmetric'),
          nearest_mode: string('floor'),
        }),
      ],
      constants: { zero: int64s([0]), two: int64s([2]), four: int64s([4]), factor: scalar(2) },
    }));

  it('heads of attention', () =>
    holds({
      opset: 17,
      dims: [2, 3, 4],
      nodes: [
        node('Transpose', ['raw'], ['w'], { perm: ints([1, 0]) }),
        node('MatMul', ['x', 'w'], ['qkv']),
        node('Shape', ['x'], ['n'], { start: int(0), end: int(1) }),
        node('Concat', ['n', 'rest'], ['to'], { axis: int(0) }),
        node('Reshape', ['qkv', 'to'], ['apart']),
        node('Transpose', ['apart'], ['t'], { perm: ints([2, 0, 3, 1, 4]) }),
        node('Split', ['t', 'each'], ['q1', 'k1', 'v1'], { axis: int(0) }),
        ...['q', 'k', 'v'].map((m) => node('Squeeze', [`${m}1`, 'axes'], [m])),
        node('Transpose', ['k'], ['kt'], { perm: ints([0, 1, 3, 2]) }),
        node('MatMul', ['q', 'kt'], ['scores']),
        node('Softmax', ['scores'], ['p'], { axis: int(-1) }),
        node('MatMul', ['p', 'v'], ['y']),
      ],
      constants: {
        raw: draw([12, 4]),
        rest: int64s([3, 3, 2, 2]),
        each: int64s([1, 1, 1]),
        axes: int64s([0]),
      },
    }));

  it('windows of every picture and back, by the batch and by -1 at once', async () => {
    const sizes = (name: string, n: string, ...rest: string[]) =>
      node('Concat', [n, ...rest], [name], { axis: int(0) });
    const b = await holds({
      opset: 13,
      dims: [3, 4, 6],
      nodes: [
        node('Shape', ['x'], ['shape']),
        node('Slice', ['shape', 'zero', 'one'], ['n']),
        node('Mul', ['n', 'two'], ['windows']),
        sizes('apart', 'windows', 'minus', 'six'),
        node('Reshape', ['x', 'apart'], ['w']),
        node('Softmax', ['w'], ['p'], { axis: int(1) }),
        // Were the -1 kept beside a batch of 1, the windows of all pictures would be taken for one picture's.
        sizes('back', 'n', 'minus', 'two', 'six'),
        node('Reshape', ['p', 'back'], ['pictures']),
        node('ReduceMean', ['pictures'], ['y'], { axes: ints([1]), keepdims: int(0) }),
      ],
      constants: {
        zero: int64s([0]),
        one: int64s([1]),
        two: int64s([2]),
        six: int64s([6]),
        minus: int64s([-1]),
      },
    });
    expect(b.shape('y')).toEqual([3, 2, 6]);
  });

  it('stay in the graph, so that the batch may have another size when it runs', async () => {
    const { graph } = normalize(modelOf(flatten));
    const b = new GraphBuilder();
    b.input('x', [1, 3, 2]);
    b.output(inline(b, graph, new Map([['x', 'x']])).get('y')!);
    const model = b.model();
    model.graph.inputs[0]!.dims![0] = 'N';
    model.graph.outputs[0]!.dims![0] = 'N';
    const program = await new OrtEngine().compile(model);
    const out = await program.run({ x: { dims: [4, 3, 2], data: new Float32Array(24) } });
    expect(out.y!.dims).toEqual([4, 6]);
    await program.close();
  });
});
