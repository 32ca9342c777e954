import { intAttribute, ints, intsAttribute } from '../../onnx/model.js';
import { sliceOf } from '../../onnx/shapes.js';
import { type Rule, reshape, sumTo } from '../rule.js';

/** Any operator that only renames positions: the gradient takes the input's shape. */
const reshaped: Rule = ({ x, dy, b }) => [reshape(b, dy, b.shape(x[0]!))];

export const shape: Record<string, Rule> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Expand: ({ x, dy, b }) => [sumTo(b, dy, b.shape(x[0]!))],
  Transpose: ({ node, x, dy, b }) => {
    const rank = b.shape(x[0]!).length;
    const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return [b.op('Transpose', [dy], { perm: ints(perm.map((_, i) => perm.indexOf(i))) })];
  },
  Concat: ({ node, x, dy, b, wants }) => {
    const rank = b.shape(dy).length;
    const given = intAttribute(node, 'axis', 0);
    const axis = given < 0 ? given + rank : given;
    let at = 0;
    return x.map((name, i) => {
      const from = at;
      at += b.shape(name)[axis]!;
      return wants(i) ? b.op('Slice', [dy, b.ints(from), b.ints(at), b.ints(axis)]) : undefined;
    });
  },
  // Forward slices only: zeros go back to where nothing was taken.
  Slice: (c) => {
    const { x, dy, b } = c;
    const from = b.shape(x[0]!);
    const { start, step, output } = sliceOf(c.node, b);
    if (step.some((s) => s < 1)) throw new RangeError('a Slice with a negative step has no gradient here');
    let spread = dy;
    step.forEach((s, axis) => {
      if (s > 1) spread = interleave(c.b, spread, axis, s);
    });
    const end = from.map((d, i) => d - start[i]! - b.shape(spread)[i]!);
    const cut = end.some((e) => e < 0)
      ? b.op('Slice', [
          spread,
          b.ints(...from.map(() => 0)),
          b.ints(...from.map((d, i) => Math.min(d - start[i]!, output[i]! * step[i]!))),
          b.ints(...from.map((_, i) => i)),
        ])
      : spread;
    return [b.op('Pad', [cut, b.ints(...start, ...end.map((e) => Math.max(0, e)))])];
  },
  // Constant padding only; what was put around is cut off again, and what was cut off is nothing.
  Pad: ({ node, x, dy, b }) => {
    const mode = node.attributes.mode;
    if (mode?.kind === 'string' && mode.value !== 'constant') {
      throw new RangeError(`a Pad of mode '${mode.value}' has no gradient here; only 'constant' has`);
    }
    const from = b.shape(x[0]!);
    const pads = b.integers(x[1]!)!;
    const axes = x[3] ? b.integers(x[3])! : from.map((_, i) => i);
    if (pads.some((p) => p < 0)) {
      const back = [...from, ...from].fill(0);
      pads.forEach((p, i) => {
        back[axes[i % axes.length]! + (i < axes.length ? 0 : from.length)] = -p;
      });
      return [b.op('Pad', [dy, b.ints(...back)])];
    }
    const starts = axes.map((_, i) => pads[i]!);
    const ends = axes.map((a, i) => pads[i]! + from[a]!);
    return [b.op('Slice', [dy, b.ints(...starts), b.ints(...ends), b.ints(...axes)])];
  },
};

/** Puts `step - 1` zeros behind every element along an axis. */
function interleave(b: Parameters<Rule>[0]['b'], p: string, axis: number, step: number): string {
  const s = [...b.shape(p)];
  const wide = [...s.slice(0, axis + 1), 1, ...s.slice(axis + 1)];
  const pads = wide.map(() => 0);
  const after = wide.map((_, i) => (i === axis + 1 ? step - 1 : 0));
  const padded = b.op('Pad', [reshape(b, p, wide), b.ints(...pads, ...after)]);
  return reshape(
    b,
    padded,
    s.map((d, i) => (i === axis ? d * step : d)),
  );
}
