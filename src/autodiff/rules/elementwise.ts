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
} from '../rule.js';

/** A rule for y = f(x) from an expression for dy * f'(x). */
const unary =
  (derive: (c: RuleContext, x: string) => string): Rule =>
  (c) => [derive(c, c.x[0]!)];

/** A rule for broadcasting operators of two inputs; each gradient is summed down to its input's shape. */
const binary =
  (left: (c: RuleContext) => string, right: (c: RuleContext) => string): Rule =>
  (c) =>
    [left, right].map((f, i) => (c.wants(i) ? sumTo(c.b, f(c), c.b.shape(c.x[i]!)) : undefined));

const one = (c: RuleContext) => c.b.scalar(1);
const square = ({ b }: RuleContext, x: string) => b.op('Mul', [x, x]);

export const elementwise: Record<string, Rule> = {
  Add: binary(
    (c) => c.dy,
    (c) => c.dy,
  ),
  Sub: binary(
    (c) => c.dy,
    (c) => neg(c.b, c.dy),
  ),
  Mul: binary(
    (c) => mul(c.b, c.dy, c.x[1]!),
    (c) => mul(c.b, c.dy, c.x[0]!),
  ),
  Div: binary(
    (c) => div(c.b, c.dy, c.x[1]!),
    (c) => neg(c.b, div(c.b, mul(c.b, c.dy, c.y), c.x[1]!)),
  ),
  Pow: binary(
    (c) => mul(c.b, c.dy, mul(c.b, c.x[1]!, c.b.op('Pow', [c.x[0]!, sub(c.b, c.x[1]!, one(c))]))),
    (c) => mul(c.b, c.dy, mul(c.b, c.y, c.b.op('Log', [c.x[0]!]))),
  ),
  Relu: unary((c) => mul(c.b, c.dy, positive(c.b, c.y))),
  LeakyRelu: unary((c, x) => {
    const positive = greater(c.b, x, c.b.scalar(0));
    const slope = floatAttribute(c.node, 'alpha', 0.01);
    return mul(c.b, c.dy, add(c.b, scale(c.b, positive, 1 - slope), c.b.scalar(slope)));
  }),
  Clip: (c) => {
    const gate = clipGate(c);
    return [gate ? mul(c.b, c.dy, gate) : c.dy];
  },
  HardSigmoid: unary((c) => {
    const slope = floatAttribute(c.node, 'alpha', 0.2);
    const inside = c.b.op('Sign', [mul(c.b, c.y, sub(c.b, one(c), c.y))]);
    return mul(c.b, c.dy, scale(c.b, inside, slope));
  }),
  // y = x * hardSigmoid(x; 1/6, 1/2), so y' = hardSigmoid(x) + x/6 inside (-3, 3).
  HardSwish: unary((c, x) => {
    const gate = c.b.op('HardSigmoid', [x], alpha(1 / 6));
    const inside = c.b.op('Sign', [mul(c.b, gate, sub(c.b, one(c), gate))]);
    return mul(c.b, c.dy, add(c.b, gate, mul(c.b, scale(c.b, x, 1 / 6), inside)));
  }),
  Sigmoid: unary((c) => mul(c.b, c.dy, mul(c.b, c.y, sub(c.b, one(c), c.y)))),
  Tanh: unary((c) => mul(c.b, c.dy, sub(c.b, one(c), square(c, c.y)))),
  Exp: unary((c) => mul(c.b, c.dy, c.y)),
  Log: unary((c, x) => div(c.b, c.dy, x)),
  Sqrt: unary((c) => div(c.b, scale(c.b, c.dy, 0.5), c.y)),
  Erf: unary((c, x) =>
    mul(c.b, c.dy, scale(c.b, c.b.op('Exp', [neg(c.b, square(c, x))]), 2 / Math.sqrt(Math.PI))),
  ),
  Neg: unary((c) => neg(c.b, c.dy)),
  Abs: unary((c, x) => mul(c.b, c.dy, c.b.op('Sign', [x]))),
  Reciprocal: unary((c) => neg(c.b, mul(c.b, c.dy, square(c, c.y)))),
  Identity: unary((c) => c.dy),
  // In inference form dropout is the identity.
  Dropout: unary((c) => c.dy),
  // The straight-through estimator: the threshold passes the gradient as it is (Piggyback, section 3).
  Binarize: unary((c) => c.dy),
};
