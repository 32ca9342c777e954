import { int, intAttribute, type Node, stringAttribute } from '../../onnx/model.js';
import { padsOf, resizeOf, sliceOf } from '../../onnx/shapes.js';
import { along, picked } from '../along.js';
import { type Rule, type RuleContext, reshape } from '../rule.js';

/** Rules of operators that take elements from places that are known beforehand. */
export const resample: Record<string, Rule> = {
  Gather: ({ node, x, dy, b }) => {
    const from = b.shape(x[0]!);
    const given = b.integers(x[1]!);
    if (!given) throw new RangeError('a Gather by indices that are computed has no gradient here');
    const attribute = intAttribute(node, 'axis', 0);
    const axis = attribute < 0 ? attribute + from.length : attribute;
    const size = from[axis]!;
    const outside = given.find((i) => !(i >= -size && i < size));
    if (outside !== undefined) throw new RangeError(`it reads element ${outside} of an axis of ${size}`);
    const flat = reshape(
      b,
      dy,
      from.map((d, i) => (i === axis ? given.length : d)),
    );
    return [
      picked(
        b,
        flat,
        axis,
        given.map((i) => (i < 0 ? i + size : i)),
        size,
      ),
    ];
  },
  // Zeros go back to where nothing was taken.
  Slice: (c) => {
    const { x, dy, b } = c;
    const from = b.shape(x[0]!);
    const { start, step, output } = sliceOf(c.node, b);
    // Unit steps in one go, whatever the number of axes; others an axis at a time.
    let back = dy;
    step.forEach((s, axis) => {
      if (s === 1) return;
      const places = Array.from({ length: output[axis]! }, (_, k) => start[axis]! + k * s);
      back = s > 0 ? interleave(c, back, axis, s) : picked(b, back, axis, places, from[axis]!);
    });
    const begin = start.map((s, i) => (step[i]! > 0 ? s : 0));
    const end = from.map((d, i) => d - begin[i]! - b.shape(back)[i]!);
    const cut = end.some((e) => e < 0)
      ? b.op('Slice', [
          back,
          b.ints(...from.map(() => 0)),
          b.ints(...from.map((d, i) => Math.min(d - begin[i]!, b.shape(back)[i]!))),
          b.ints(...from.map((_, i) => i)),
        ])
      : back;
    if (String(b.shape(cut)) === String(from)) return [cut];
    return [b.op('Pad', [cut, b.ints(...begin, ...end.map((e) => Math.max(0, e)))])];
  },
  // What was put around is cut off again, what was cut off is nothing; a mirrored element was read twice.
  Pad: ({ node, x, dy, b, wants }) => {
    if (wants(2)) throw new RangeError('the value of a Pad has no gradient here');
    const mode = stringAttribute(node, 'mode', 'constant');
    const from = b.shape(x[0]!);
    const { before, after } = padsOf(node, b);
    if (mode === 'constant') {
      return [b.op('Pad', [dy, b.ints(...before.map((p) => 0 - p), ...after.map((p) => 0 - p))])];
    }
    return [
      from.reduce((back, size, axis) => {
        const places = Array.from({ length: size + before[axis]! + after[axis]! }, (_, k) =>
          mirrored(mode, k - before[axis]!, size),
        );
        return picked(b, back, axis, places, size);
      }, dy),
    ];
  },
  Tile: ({ x, dy, b }) => {
    const from = b.shape(x[0]!);
    const times = b.integers(x[1]!)!;
    const apart = reshape(
      b,
      dy,
      from.flatMap((d, i) => [times[i]!, d]),
    );
    return [b.op('ReduceSum', [apart, b.ints(...from.map((_, i) => 2 * i))], { keepdims: int(0) })];
  },
  Resize: (c) => {
    const { node, x, dy, b } = c;
    const from = b.shape(x[0]!);
    const { output, scale } = resizeOf(node, b);
    const mode = stringAttribute(node, 'mode', 'nearest');
    if (mode !== 'nearest' && mode !== 'linear') {
      throw new RangeError(
        `a Resize of mode '${mode}' has no gradient here; only 'nearest' and 'linear' have`,
      );
    }
    const place = placesOf(node);
    return [
      from.reduce((back, size, axis) => {
        // A scale of 1 leaves an axis as it is, whatever the coordinates.
        if (output[axis] === size && scale[axis] === 1) return back;
        const at = Array.from({ length: output[axis]! }, (_, k) =>
          place(k, scale[axis]!, size, output[axis]!),
        );
        if (mode === 'nearest') {
          const round = nearest(stringAttribute(node, 'nearest_mode', 'round_prefer_floor'));
          const places = at.map((p) => Math.min(Math.max(round(p), 0), size - 1));
          return picked(b, back, axis, places, size);
        }
        return along(b, back, axis, between(at, size), size);
      }, dy),
    ];
  },
};

/** Puts `step - 1` zeros behind every element along an axis. */
function interleave({ b }: RuleContext, p: string, axis: number, step: number): string {
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

/** Which element of an axis stands at a place that may lie beyond its ends. */
function mirrored(mode: string, at: number, size: number): number {
  if (mode === 'edge') return Math.min(Math.max(at, 0), size - 1);
  if (mode !== 'reflect') throw new RangeError(`a Pad of mode '${mode}' has no gradient here`);
  const period = Math.max(1, 2 * (size - 1));
  const within = ((at % period) + period) % period;
  return within < size ? within : period - within;
}

/** Where on the input's axis an element of the output's lies (ONNX, Resize), in single precision as it is run. */
function placesOf(node: Node): (k: number, scale: number, size: number, output: number) => number {
  const mode = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  const f = Math.fround;
  switch (mode) {
    case 'half_pixel':
      return (k, s) => f(f((k + 0.5) / f(s)) - 0.5);
    case 'pytorch_half_pixel':
      return (k, s, _, output) => (output > 1 ? f(f((k + 0.5) / f(s)) - 0.5) : 0);
    case 'asymmetric':
      return (k, s) => f(k / f(s));
    case 'align_corners':
      return (k, _, size, output) => (output > 1 ? f((k * (size - 1)) / (output - 1)) : 0);
    case 'tf_half_pixel_for_nn':
      return (k, s) => f((k + 0.5) / f(s));
    default:
      throw new RangeError(`a Resize with coordinates '${mode}' has no gradient here`);
  }
}

function nearest(mode: string): (at: number) => number {
  if (mode === 'floor') return Math.floor;
  if (mode === 'ceil') return Math.ceil;
  // Both round to the nearest; they differ where two are equally near.
  return mode === 'round_prefer_ceil' ? (at) => Math.floor(at + 0.5) : (at) => Math.ceil(at - 0.5);
}

/** The matrix by which linear interpolation at these places is undone: [size, places]. */
function between(at: readonly number[], size: number): Float32Array {
  const matrix = new Float32Array(size * at.length);
  at.forEach((p, k) => {
    const inside = Math.min(Math.max(p, 0), size - 1);
    const low = Math.floor(inside);
    const high = Math.min(low + 1, size - 1);
    matrix[low * at.length + k]! += 1 - (inside - low);
    matrix[high * at.length + k]! += inside - low;
  });
  return matrix;
}
