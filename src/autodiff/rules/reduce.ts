import { intAttribute, intsAttribute, sizeOf } from '../../onnx/model.js';
import { add, mul, neg, type Rule, type RuleContext, reshape, scale, sub, sum } from '../rule.js';

/** The axes a reduction runs over, not negative. */
function axesOf({ node, x, b }: RuleContext): number[] {
  const rank = b.shape(x[0]!).length;
  const given = intsAttribute(node, 'axes') ?? (x[1] ? b.integers(x[1]) : undefined);
  return (given ?? Array.from({ length: rank }, (_, i) => i)).map((a) => (a < 0 ? a + rank : a));
}

/** dy spread again over the axes that were reduced. */
function spread(c: RuleContext, dy: string): string {
  const shape = c.b.shape(c.x[0]!);
  const axes = axesOf(c);
  const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
  return c.b.op('Expand', [reshape(c.b, dy, kept), c.b.ints(...shape)]);
}

const lastAxis = ({ node, y, b }: RuleContext) => {
  const rank = b.shape(y).length;
  const axis = intAttribute(node, 'axis', -1);
  return axis < 0 ? axis + rank : axis;
};

export const reduce: Record<string, Rule> = {
  ReduceSum: (c) => [spread(c, c.dy)],
  ReduceMean: (c) => {
    const shape = c.b.shape(c.x[0]!);
    return [spread(c, scale(c.b, c.dy, 1 / sizeOf(axesOf(c).map((a) => shape[a]!))))];
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
