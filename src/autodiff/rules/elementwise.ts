import { ElementType, intAttribute } from '../../onnx/model.js';
import {
  add,
  div,
  float01,
  mul,
  neg,
  type Rule,
  type RuleContext,
  scale,
  sub,
  sumTo,
  unary,
} from '../rule.js';

/** A rule for broadcasting operators of two inputs; each gradient is summed down to its input's shape. */
const binary =
  (left: (c: RuleContext) => string, right: (c: RuleContext) => string): Rule =>
  (c) =>
    [left, right].map((f, i) => (c.wants(i) ? sumTo(c.b, f(c), c.b.shape(c.x[i]!)) : undefined));

const one = (c: RuleContext) => c.b.scalar(1);

/** Every input gets the gradient where it is the one that was chosen; equal ones share it. */
const chosen: Rule = ({ x, y, dy, b, wants }) => {
  if (x.length === 1) return [dy];
  const here = x.map((name) => float01(b, b.op('Equal', [name, y])));
  const share = div(
    b,
    dy,
    here.reduce((p, q) => add(b, p, q)),
  );
  return x.map((name, i) => (wants(i) ? sumTo(b, mul(b, share, here[i]!), b.shape(name)) : undefined));
};

/** A step function: its slope is zero wherever it has one, so nothing comes through. */
const flat: Rule = () => [];

/** Rules of arithmetic. */
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
  Sum: ({ x, dy, b, wants }) => x.map((name, i) => (wants(i) ? sumTo(b, dy, b.shape(name)) : undefined)),
  Mean: ({ x, dy, b, wants }) => {
    const share = scale(b, dy, 1 / x.length);
    return x.map((name, i) => (wants(i) ? sumTo(b, share, b.shape(name)) : undefined));
  },
  Max: chosen,
  Min: chosen,
  Where: ({ x, dy, b, wants }) => {
    const [when, p, q] = x as [string, string, string];
    const zero = b.scalar(0);
    return [
      undefined,
      wants(1) ? sumTo(b, b.op('Where', [when, dy, zero]), b.shape(p)) : undefined,
      wants(2) ? sumTo(b, b.op('Where', [when, zero, dy]), b.shape(q)) : undefined,
    ];
  },
  Exp: unary((c) => mul(c.b, c.dy, c.y)),
  Log: unary((c, x) => div(c.b, c.dy, x)),
  Sqrt: unary((c) => div(c.b, scale(c.b, c.dy, 0.5), c.y)),
  Neg: unary((c) => neg(c.b, c.dy)),
  Abs: unary((c, x) => mul(c.b, c.dy, c.b.op('Sign', [x]))),
  Reciprocal: unary((c) => neg(c.b, mul(c.b, c.dy, c.b.op('Mul', [c.y, c.y])))),
  Sin: unary((c, x) => mul(c.b, c.dy, c.b.op('Cos', [x]))),
  Cos: unary((c, x) => neg(c.b, mul(c.b, c.dy, c.b.op('Sin', [x])))),
  Identity: unary((c) => c.dy),
  // In inference form dropout is the identity.
  Dropout: unary((c) => {
    const training = c.node.inputs[2];
    if (training && c.b.numbers(training)?.[0] !== 0) {
      throw new RangeError('a Dropout in training form has no gradient here; export it for inference');
    }
    return c.dy;
  }),
  Cast: unary((c) => {
    if (intAttribute(c.node, 'to', 0) !== ElementType.float) {
      throw new RangeError('a Cast to another element type than float has no gradient here');
    }
    return c.dy;
  }),
  Sign: flat,
  Floor: flat,
  Ceil: flat,
  Round: flat,
};
