import { intAttribute, intsAttribute, type Node, sizeOf } from '../model.js';
import {
  axisOf,
  broadcast,
  constants,
  input,
  normalAxis,
  type ShapeContext,
  type ShapeRule,
  same,
} from './context.js';

/** Start, end (exclusive) and step of a Slice by axis, clamped as the standard says. */
export function sliceOf(
  n: Node,
  c: ShapeContext,
): { start: number[]; end: number[]; step: number[]; output: number[] } {
  const x = input(n, c, 0);
  const starts = constants(n, c, 1);
  const ends = constants(n, c, 2);
  const axes = (n.inputs[3] ? constants(n, c, 3) : starts.map((_, i) => i)).map((a) =>
    normalAxis(a, x.length),
  );
  const steps = n.inputs[4] ? constants(n, c, 4) : starts.map(() => 1);
  const start = x.map(() => 0);
  const end = [...x];
  const step = x.map(() => 1);
  axes.forEach((axis, i) => {
    const d = x[axis]!;
    const by = steps[i]!;
    const clamp = (v: number, lo: number, hi: number) => Math.min(Math.max(v < 0 ? v + d : v, lo), hi);
    step[axis] = by;
    start[axis] = by > 0 ? clamp(starts[i]!, 0, d) : clamp(starts[i]!, 0, d - 1);
    end[axis] = by > 0 ? clamp(ends[i]!, 0, d) : ends[i]! < -d ? -1 : clamp(ends[i]!, -1, d - 1);
  });
  const output = x.map((_, i) => Math.max(0, Math.ceil((end[i]! - start[i]!) / step[i]!)));
  return { start, end, step, output };
}

/** What a Pad adds before and after each axis; negative where it cuts off. */
export function padsOf(n: Node, c: ShapeContext): { before: number[]; after: number[] } {
  const x = input(n, c, 0);
  const pads = constants(n, c, 1);
  const axes = (n.inputs[3] ? constants(n, c, 3) : x.map((_, i) => i)).map((a) => normalAxis(a, x.length));
  const before = x.map(() => 0);
  const after = x.map(() => 0);
  axes.forEach((a, i) => {
    before[a] = pads[i]!;
    after[a] = pads[i + axes.length]!;
  });
  return { before, after };
}

/** The sizes of a Split's parts along its axis. */
export function partsOf(n: Node, c: ShapeContext): { axis: number; sizes: number[] } {
  const x = input(n, c, 0);
  const axis = axisOf(n, x.length, 0);
  const parts = n.outputs.length;
  const each = Math.ceil(x[axis]! / parts);
  const given = n.inputs[1] ? constants(n, c, 1) : intsAttribute(n, 'split');
  const sizes = given ?? n.outputs.map((_, i) => (i < parts - 1 ? each : x[axis]! - each * (parts - 1)));
  if (sizes.length !== parts || sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== x[axis]) {
    throw new RangeError(`parts of [${sizes}] do not make up axis ${axis} of [${x}] in ${parts} outputs`);
  }
  return { axis, sizes };
}

/** Shapes of operators that move elements. */
export const move: Record<string, ShapeRule> = {
  Reshape: (n, c) => {
    const x = input(n, c, 0);
    const to = constants(n, c, 1).map((d, i) => (d === 0 && !intAttribute(n, 'allowzero', 0) ? x[i]! : d));
    const rest = sizeOf(to.filter((d) => d !== -1));
    const shape = to.map((d) => (d === -1 ? sizeOf(x) / rest : d));
    if (sizeOf(shape) !== sizeOf(x) || !shape.every(Number.isInteger))
      throw new RangeError(`cannot reshape [${x}] to [${to}]`);
    return [shape];
  },
  Flatten: (n, c) => {
    const x = input(n, c, 0);
    const axis = axisOf(n, x.length, 1);
    return [[sizeOf(x.slice(0, axis)), sizeOf(x.slice(axis))]];
  },
  Squeeze: (n, c) => {
    const x = input(n, c, 0);
    const given = n.inputs[1] ? constants(n, c, 1) : intsAttribute(n, 'axes');
    const axes = given?.map((a) => normalAxis(a, x.length)) ?? x.flatMap((d, i) => (d === 1 ? [i] : []));
    return [x.filter((_, i) => !axes.includes(i))];
  },
  Unsqueeze: (n, c) => {
    const x = [...input(n, c, 0)];
    const given = n.inputs[1] ? constants(n, c, 1) : (intsAttribute(n, 'axes') ?? []);
    const rank = x.length + given.length;
    for (const a of given.map((a) => normalAxis(a, rank)).sort((p, q) => p - q)) x.splice(a, 0, 1);
    return [x];
  },
  Transpose: (n, c) => {
    const x = input(n, c, 0);
    const perm = intsAttribute(n, 'perm') ?? x.map((_, i) => x.length - 1 - i);
    return [perm.map((p) => x[p]!)];
  },
  Concat: (n, c) => {
    const shape = [...input(n, c, 0)];
    const axis = axisOf(n, shape.length, 0);
    shape[axis] = n.inputs.reduce((sum, name) => sum + c.shape(name)[axis]!, 0);
    return [shape];
  },
  Split: (n, c) => {
    const { axis, sizes } = partsOf(n, c);
    return sizes.map((s) => input(n, c, 0).map((d, i) => (i === axis ? s : d)));
  },
  Slice: (n, c) => [sliceOf(n, c).output],
  Pad: (n, c) => {
    const { before, after } = padsOf(n, c);
    return [input(n, c, 0).map((d, i) => d + before[i]! + after[i]!)];
  },
  Expand: (n, c) => [broadcast(input(n, c, 0), constants(n, c, 1))],
  Tile: (n, c) => {
    const times = constants(n, c, 1);
    return [input(n, c, 0).map((d, i) => d * times[i]!)];
  },
  Gather: (n, c) => {
    const x = input(n, c, 0);
    const axis = axisOf(n, x.length, 0);
    return [[...x.slice(0, axis), ...input(n, c, 1), ...x.slice(axis + 1)]];
  },
  GatherElements: (n, c) => [[...input(n, c, 1)]],
  ScatterElements: same,
  ScatterND: same,
  Trilu: same,
  ReverseSequence: same,
  DepthToSpace: (n, c) => {
    const [batch, channels, ...spatial] = input(n, c, 0) as [number, number, ...number[]];
    const block = intAttribute(n, 'blocksize', 1);
    return [[batch, channels / block ** 2, ...spatial.map((d) => d * block)]];
  },
  SpaceToDepth: (n, c) => {
    const [batch, channels, ...spatial] = input(n, c, 0) as [number, number, ...number[]];
    const block = intAttribute(n, 'blocksize', 1);
    return [[batch, channels * block ** 2, ...spatial.map((d) => d / block)]];
  },
  Shape: (n, c) => {
    const rank = input(n, c, 0).length;
    const clamp = (v: number) => Math.min(Math.max(normalAxis(v, rank), 0), rank);
    return [[Math.max(0, clamp(intAttribute(n, 'end', rank)) - clamp(intAttribute(n, 'start', 0)))]];
  },
  Size: () => [[]],
  ConstantOfShape: (n, c) => [constants(n, c, 0)],
  Range: (n, c) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => c.numbers(n.inputs[i]!)?.[0]);
    if (start === undefined || limit === undefined || delta === undefined) {
      throw new RangeError('its start, limit and delta must be constants');
    }
    return [[Math.max(0, Math.ceil((limit - start) / delta))]];
  },
};
