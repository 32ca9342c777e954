import type { GraphBuilder } from '../../onnx/builder.js';
import { intAttribute, sizeOf } from '../../onnx/model.js';
import { reducedAxes } from '../../onnx/shapes.js';
import {
  add,
  div,
  float01,
  mul,
  neg,
  type Rule,
  type RuleContext,
  reshape,
  scale,
  sub,
  sum,
} from '../rule.js';

/** Below any length but zero that a vector has in single precision, where squares smaller than 1e-45 vanish. */
const SMALLEST = 1e-23;

const axesOf = ({ node, b }: RuleContext) => reducedAxes(node, b);

/** A tensor of the output's shape with ones for the axes that were reduced. */
function kept(c: RuleContext, name: string): string {
  const axes = axesOf(c);
  return reshape(
    c.b,
    name,
    c.b.shape(c.x[0]!).map((d, i) => (axes.includes(i) ? 1 : d)),
  );
}

/** dy spread again over the axes that were reduced. */
const spread = (c: RuleContext, dy: string) =>
  c.b.op('Expand', [kept(c, dy), c.b.ints(...c.b.shape(c.x[0]!))]);

/** dy where x is y, the largest or smallest along axes; equal ones share it. Both have ones for the axes. */
export function toLargest(
  b: GraphBuilder,
  x: string,
  y: string,
  dy: string,
  axes: readonly number[],
): string {
  const here = float01(b, b.op('Equal', [x, y]));
  return mul(b, here, div(b, dy, sum(b, here, axes, true)));
}

const extreme: Rule = (c) => [toLargest(c.b, c.x[0]!, kept(c, c.y), kept(c, c.dy), axesOf(c))];

const lastAxis = ({ node, y, b }: RuleContext) => {
  const rank = b.shape(y).length;
  const axis = intAttribute(node, 'axis', -1);
  return axis < 0 ? axis + rank : axis;
};

/** Rules of operators that sum up over axes. */
export const reduce: Record<string, Rule> = {
  ReduceSum: (c) => [spread(c, c.dy)],
  ReduceMean: (c) => {
    const shape = c.b.shape(c.x[0]!);
    return [spread(c, scale(c.b, c.dy, 1 / sizeOf(axesOf(c).map((a) => shape[a]!))))];
  },
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceL1: (c) => [mul(c.b, c.b.op('Sign', [c.x[0]!]), kept(c, c.dy))],
  // Of zeros alone it has a kink; there the slope is taken to be zero, as for Relu, and not 0 / 0.
  ReduceL2: (c) => [mul(c.b, c.x[0]!, kept(c, div(c.b, c.dy, c.b.op('Max', [c.y, c.b.scalar(SMALLEST)]))))],
  ReduceSumSquare: (c) => [mul(c.b, c.x[0]!, kept(c, scale(c.b, c.dy, 2)))],
  ReduceLogSumExp: (c) => {
    const share = c.b.op('Exp', [sub(c.b, c.x[0]!, kept(c, c.y))]);
    return [mul(c.b, share, kept(c, c.dy))];
  },
  Softmax: (c) => {
    const { b, y, dy } = c;
    const mean = sum(b, mul(b, dy, y), [lastAxis(c)], true);
    return [mul(b, y, sub(b, dy, mean))];
  },
  LogSoftmax: (c) => {
    const { b, y, dy } = c;
    const total = sum(b, dy, [lastAxis(c)], true);
    return [add(b, dy, neg(b, mul(b, b.op('Exp', [y]), total)))];
  },
};
