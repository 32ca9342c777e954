import { intsAttribute, type Node, stringAttribute } from '../model.js';
import { constants, input, normalAxis, type ShapeContext, type ShapeRule } from './context.js';

/** For each axis of a Resize the output's size, and how many times larger it is. */
export function resizeOf(n: Node, c: ShapeContext): { output: number[]; scale: number[] } {
  const x = input(n, c, 0);
  const policy = stringAttribute(n, 'keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') throw new RangeError(`its keep_aspect_ratio_policy '${policy}' is not supported`);
  const axes = intsAttribute(n, 'axes')?.map((a) => normalAxis(a, x.length)) ?? x.map((_, i) => i);
  const output = [...x];
  const scale = x.map(() => 1);
  const scales = n.inputs[2] ? c.numbers(n.inputs[2]) : undefined;
  if (scales && scales.length > 0) {
    axes.forEach((a, i) => {
      scale[a] = scales[i]!;
      output[a] = Math.floor(Math.fround(x[a]! * scales[i]!));
    });
  } else {
    const sizes = constants(n, c, n.inputs[3] ? 3 : 2);
    axes.forEach((a, i) => {
      scale[a] = sizes[i]! / x[a]!;
      output[a] = sizes[i]!;
    });
  }
  return { output, scale };
}

/** Shapes of operators that resample. */
export const resize: Record<string, ShapeRule> = {
  Resize: (n, c) => [resizeOf(n, c).output],
};
