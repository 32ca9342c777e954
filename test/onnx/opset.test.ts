import { describe, expect, it } from 'vitest';
import { floats, int, int64s, ints, type Node, node, string } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { expectSameNormalized } from './expect-same.js';
import { oneToOne } from './models.js';
import { cases, one } from './operators.js';

describe('an operator of any set means the same in the build set', () => {
  const all = cases.flatMap((c) =>
    c.opsets.map((opset) => ({ ...c, opset, name: `${c.what}, set ${opset}` })),
  );

  it.each(all)('$name', async ({ opset, nodes, constants = {}, dims = [2, 4, 5, 5], ops }) => {
    const model = oneToOne(nodes(opset), constants, opset, ['N', ...dims.slice(1)]);
    const { graph } = await expectSameNormalized(model, dims);
    if (ops) expect(graph.nodes.map((n) => n.op)).toEqual(ops);
  });
});

describe('a crown is refused where its meaning would change', () => {
  it.each<[string, number, Node, RegExp]>([
    ['pads that wrap', 19, one('Pad', ['p'], { mode: string('wrap') }), /\(Pad\): its mode 'wrap'/],
    ['anti-aliasing', 18, one('Resize', ['', 's'], { antialias: int(1) }), /\(Resize\): anti-aliasing/],
    [
      'a kept aspect ratio',
      18,
      one('Resize', ['', '', 'p'], { keep_aspect_ratio_policy: string('not_larger') }),
      /aspect ratio/,
    ],
    [
      'dilated averages',
      19,
      one('AveragePool', [], { dilations: ints([2, 2]) }),
      /dilations are not supported/,
    ],
    [
      'a softmax over the batch',
      11,
      one('Softmax', [], { axis: int(0) }),
      /over all axes, the batch among them/,
    ],
    ['axes that are computed', 18, one('ReduceMean', ['x']), /its axes must be a constant/],
    [
      'a split into too many parts',
      18,
      node(
        'Split',
        ['x'],
        Array(7)
          .fill('')
          .map((_, i) => `${i}`),
        { axis: int(1) },
      ),
      /splits an axis of 4 into 7/,
    ],
    ['dropout in training form', 13, one('Dropout', ['', 'yes']), /training form/],
    [
      'group normalization by what is computed',
      21,
      one('GroupNormalization', ['x', 'x'], { num_groups: int(2) }),
      /its scale must be a constant/,
    ],
    [
      'another domain',
      17,
      { ...one('FusedConv', ['x']), domain: 'com.microsoft' },
      /operator set 'com\.microsoft'/,
    ],
  ])('%s', (_, opset, n, message) => {
    const constants = {
      p: int64s([0, 0, 1, 1, 0, 0, 1, 1]),
      s: floats([1, 1, 2, 2], [4]),
      yes: { type: 9 as const, dims: [], data: Uint8Array.of(1) },
    };
    const model = oneToOne([n], constants, opset, ['N', 4, 5, 5]);
    expect(() => normalize(model)).toThrow(expect.objectContaining({ code: 'onnx-invalid' }));
    expect(() => normalize(model)).toThrow(message);
  });
});
