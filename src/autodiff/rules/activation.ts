import { floatAttribute } from '../../onnx/model.js';
import { clipGate, positive } from '../gate.js';
import {
  add,
  alpha,
  div,
  greater,
  mul,
  neg,
  type Rule,
  type RuleContext,
  scale,
  sub,
  sumTo,
  unary,
} from '../rule.js';

const one = (c: RuleContext) => c.b.scalar(1);
const square = ({ b }: RuleContext, x: string) => b.op('Mul', [x, x]);

/** The gradient of a function that has one slope above zero and another below. */
const above = ({ b, dy, x }: RuleContext, slope: string, below: string): string =>
  mul(b, dy, b.op('Where', [b.op('Greater', [x[0]!, b.scalar(0)]), slope, below]));

/** Rules of activation functions. */
export const activation: Record<string, Rule> = {
  Relu: unary((c) => mul(c.b, c.dy, positive(c.b, c.y))),
  LeakyRelu: unary((c, x) => {
    const positive = greater(c.b, x, c.b.scalar(0));
    const slope = floatAttribute(c.node, 'alpha', 0.01);
    return mul(c.b, c.dy, add(c.b, scale(c.b, positive, 1 - slope), c.b.scalar(slope)));
  }),
  PRelu: (c) => {
    const { b, dy, x, wants } = c;
    const [p, slope] = x as [string, string];
    const negative = () => b.op('Min', [p, b.scalar(0)]);
    return [
      wants(0) ? above(c, b.scalar(1), slope) : undefined,
      wants(1) ? sumTo(b, mul(b, dy, negative()), b.shape(slope)) : undefined,
    ];
  },
  ThresholdedRelu: unary((c, x) =>
    mul(c.b, c.dy, greater(c.b, x, c.b.scalar(floatAttribute(c.node, 'alpha', 1)))),
  ),
  // Below zero y = a (exp(x) - 1), so y' = y + a.
  Elu: unary((c) => above(c, one(c), add(c.b, c.y, c.b.scalar(floatAttribute(c.node, 'alpha', 1))))),
  Selu: unary((c) => {
    const gamma = floatAttribute(c.node, 'gamma', 1.0507009873554805);
    const a = floatAttribute(c.node, 'alpha', 1.6732632423543772);
    return above(c, c.b.scalar(gamma), add(c.b, c.y, c.b.scalar(gamma * a)));
  }),
  // Below zero y = a (exp(x / a) - 1), so y' = y / a + 1.
  Celu: unary((c) =>
    above(c, one(c), add(c.b, scale(c.b, c.y, 1 / floatAttribute(c.node, 'alpha', 1)), one(c))),
  ),
  Clip: (c) => {
    if (c.wants(1) || c.wants(2)) throw new RangeError('the bounds of a Clip have no gradient here');
    const gate = clipGate(c);
    return [gate ? mul(c.b, c.dy, gate) : c.dy];
  },
  HardSigmoid: unary((c) => {
    const slope = floatAttribute(c.node, 'alpha', 0.2);
    const inside = positive(c.b, mul(c.b, c.y, sub(c.b, one(c), c.y)));
    return mul(c.b, c.dy, scale(c.b, inside, slope));
  }),
  // y = x * hardSigmoid(x; 1/6, 1/2), so y' = hardSigmoid(x) + x/6 inside (-3, 3).
  HardSwish: unary((c, x) => {
    const gate = c.b.op('HardSigmoid', [x], alpha(1 / 6));
    const inside = positive(c.b, mul(c.b, gate, sub(c.b, one(c), gate)));
    return mul(c.b, c.dy, add(c.b, gate, mul(c.b, scale(c.b, x, 1 / 6), inside)));
  }),
  Sigmoid: unary((c) => mul(c.b, c.dy, mul(c.b, c.y, sub(c.b, one(c), c.y)))),
  Tanh: unary((c) => mul(c.b, c.dy, sub(c.b, one(c), square(c, c.y)))),
  Softplus: unary((c, x) => mul(c.b, c.dy, c.b.op('Sigmoid', [x]))),
  Softsign: unary((c, x) => div(c.b, c.dy, square(c, add(c.b, c.b.op('Abs', [x]), one(c))))),
  Erf: unary((c, x) =>
    mul(c.b, c.dy, scale(c.b, c.b.op('Exp', [neg(c.b, square(c, x))]), 2 / Math.sqrt(Math.PI))),
  ),
  // The straight-through estimator: the threshold passes the gradient as it is (Piggyback, section 3).
  Binarize: unary((c) => c.dy),
};
