import { describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import { fromLaterSets } from '../../src/onnx/later-sets.js';
import { type ConstantTensor, floats, int, int64s, ints, node, string } from '../../src/onnx/model.js';

/** A decomposition's context in which tensors have four axes. */
function context(opset: number, given: Record<string, ConstantTensor> = {}, rank: number | undefined = 4) {
  const constants = new Map(Object.entries(given));
  return {
    constants,
    opset,
    rank: () => rank,
    initializer: (name: string) => constants.get(name),
    constant: (name: string, t: ConstantTensor) => {
      constants.set(name, t);
      return name;
    },
  };
}

describe('forms of later operator sets', () => {
  it('are left as they are in the set that graphs are built in', () => {
    const n = node('Pad', ['x', 'pads', '', 'axes'], ['y']);
    expect(fromLaterSets(n, context(17))).toBe(n);
  });

  it('Pad of some axes becomes one of all', () => {
    const c = context(18, { pads: int64s([1, 2, 3, 4]), axes: int64s([-1, 1]) });
    const n = fromLaterSets(node('Pad', ['x', 'pads', 'value', 'axes'], ['y']), c);
    expect(n.inputs).toEqual(['x', 'y.pads', 'value']);
    expect(c.constants.get('y.pads')).toEqual(int64s([0, 2, 0, 1, 0, 4, 0, 3]));
  });

  it('Resize of some axes by scales becomes one of all; attributes that change nothing go', () => {
    const c = context(18, { s: floats([3, 2], [2]) });
    const attributes = {
      axes: ints([-1, 2]),
      antialias: int(0),
      keep_aspect_ratio_policy: string('stretch'),
    };
    const n = fromLaterSets(node('Resize', ['x', '', 's'], ['y'], attributes), c);
    expect(n.attributes).toEqual({});
    expect(c.constants.get(n.inputs[2]!)).toEqual(floats([1, 1, 2, 3], [4]));
  });

  it.each([
    [
      'axes that are computed',
      node('ReduceMax', ['x', 'a'], ['y']),
      /node 'y' \(ReduceMax\): its axes must be a constant/,
    ],
    [
      'pads that are computed',
      node('Pad', ['x', 'p', '', 'a'], ['y']),
      /its pads and axes must be constants/,
    ],
    ['antialias', node('Resize', ['x', '', 's'], ['y'], { antialias: int(1) }), /antialias is not supported/],
    [
      'a kept aspect ratio',
      node('Resize', ['x', '', 's'], ['y'], { keep_aspect_ratio_policy: string('not_larger') }),
      /keep_aspect_ratio_policy 'not_larger' is not supported/,
    ],
    ['a dilated average', node('AveragePool', ['x'], ['y'], { dilations: ints([2, 1]) }), /no dilations/],
  ])('%s cannot be said in it', (_, n, message) => {
    expect(() => fromLaterSets(n, context(19))).toThrow(LichenError);
    expect(() => fromLaterSets(n, context(19))).toThrow(message);
  });
});
