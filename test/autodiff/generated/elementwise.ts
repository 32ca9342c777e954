import fc from 'fast-check';
import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { type Attribute, ElementType, float, int } from '../../../src/onnx/model.js';
import type { Checked } from '../numeric.js';
import { apart, broadcasting, type Cases, cases, constant, shape } from './arbitraries.js';

/** A function of one input, of any shape. */
const unary = (
  op: string,
  options: Partial<Checked> = {},
  attributes: fc.Arbitrary<Record<string, Attribute>> = fc.constant({}),
): Cases =>
  cases(fc.tuple(shape(), attributes), ([dims, given]) => ({
    shapes: [dims],
    build: (b, [x]) => b.op(op, [x!], given),
    ...options,
  }));

/** A function that jumps, times its input: only the input's slope is left. */
const stepped = (op: string, kinks: number[]): Cases =>
  cases(shape(), (dims) => ({
    shapes: [dims],
    kinks,
    build: (b, [x]) => b.op('Mul', [x!, b.op(op, [x!])]),
  }));

const number = (min: number, max: number) =>
  fc.double({ min, max, noNaN: true }).map((v) => Number(v.toFixed(3)));
const slope = fc
  .option(number(-0.5, 2))
  .map((a): Record<string, Attribute> => (a === null ? {} : { alpha: float(a) }));
const positiveSlope = fc
  .option(number(0.2, 2))
  .map((a): Record<string, Attribute> => (a === null ? {} : { alpha: float(a) }));

const binary = (op: string, options: Partial<Checked> = {}): Cases =>
  cases(broadcasting(2), (shapes) => ({ shapes, build: (b, x) => b.op(op, x), ...options }));

const variadic = (op: string, make: (b: GraphBuilder, x: string, i: number) => string = (_, x) => x): Cases =>
  cases(
    fc.tuple(
      fc.integer({ min: 1, max: 3 }).chain((n) => broadcasting(n)),
      fc.boolean(),
    ),
    ([shapes, twice]) => ({
      shapes,
      build: (b, x) => {
        const made = x.map((name, i) => make(b, name, i));
        // The first one twice: of two that are equal for ever the slopes add up to one.
        return b.op(op, twice ? [...made, made[0]!] : made);
      },
    }),
  );
const distinct = (b: GraphBuilder, x: string, i: number) => apart(b, x, 0.17 * i);

export const elementwise: Record<string, Cases> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div', { low: 0.6 }),
  Pow: fc.oneof(
    binary('Pow', { low: 0.6 }),
    cases(fc.tuple(shape(), fc.constantFrom(2, 3)), ([dims, power]) => ({
      shapes: [dims],
      build: (b, [x]) => b.op('Pow', [x!, b.scalar(power)]),
    })),
  ),
  Sum: variadic('Sum'),
  Mean: variadic('Mean'),
  Max: variadic('Max', distinct),
  Min: variadic('Min', distinct),
  Where: fc.oneof(
    cases(broadcasting(3), ([when, ...shapes]) => ({
      shapes,
      build: (b, [p, q]) => b.op('Where', [b.op('Greater', [constant(b, when!), b.scalar(0)]), p!, q!]),
    })),
    // What decides may depend on what is trained.
    cases(broadcasting(2), (shapes) => ({
      shapes,
      kinks: [0],
      build: (b, [p, q]) => b.op('Where', [b.op('Less', [p!, b.scalar(0)]), q!, b.op('Mul', [p!, p!])]),
    })),
  ),
  Exp: unary('Exp'),
  Log: unary('Log', { low: 0.5, high: 3 }),
  Sqrt: unary('Sqrt', { low: 0.5, high: 3 }),
  Neg: unary('Neg'),
  Abs: unary('Abs', { kinks: [0] }),
  Reciprocal: unary('Reciprocal', { low: 0.5, high: 3 }),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Identity: unary('Identity'),
  Dropout: fc.oneof(
    unary('Dropout'),
    cases(shape(), (dims) => ({
      shapes: [dims],
      build: (b, [x]) => {
        const never = b.constant({ type: ElementType.bool, dims: [], data: Uint8Array.of(0) });
        return b.op('Dropout', [x!, b.scalar(0.5), never]);
      },
    })),
  ),
  Cast: fc.oneof(
    unary('Cast', {}, fc.constant({ to: int(ElementType.float) })),
    // A truth value made a number has no slope, though it depends on what is trained.
    cases(shape(), (dims) => ({
      shapes: [dims],
      kinks: [0.5],
      build: (b, [x]) => {
        const when = b.op('Greater', [x!, b.scalar(0.5)]);
        return b.op('Mul', [x!, b.op('Cast', [when], { to: int(ElementType.float) })]);
      },
    })),
  ),
  Sign: stepped('Sign', [0]),
  Floor: stepped('Floor', [-2, -1, 0, 1, 2]),
  Ceil: stepped('Ceil', [-2, -1, 0, 1, 2]),
  Round: stepped('Round', [-1.5, -0.5, 0.5, 1.5]),
};

/** Bounds of a Clip; either may be missing. */
const bounds = fc.tuple(fc.option(number(-3, 0)), fc.option(number(0.5, 6)));

export const activation: Record<string, Cases> = {
  Relu: unary('Relu', { kinks: [0] }),
  LeakyRelu: unary('LeakyRelu', { kinks: [0] }, slope),
  PRelu: fc.oneof(
    cases(broadcasting(2, true), (shapes) => ({ shapes, kinks: [0], build: (b, x) => b.op('PRelu', x) })),
    cases(broadcasting(2, true), ([dims, slopes]) => ({
      shapes: [dims!],
      kinks: [0],
      build: (b, [x]) => b.op('PRelu', [x!, constant(b, slopes!)]),
    })),
  ),
  ThresholdedRelu: cases(fc.tuple(shape(), number(-1, 1.5)), ([dims, at]) => ({
    shapes: [dims],
    kinks: [at],
    build: (b, [x]) => b.op('ThresholdedRelu', [x!], { alpha: float(at) }),
  })),
  Elu: unary('Elu', { kinks: [0] }, positiveSlope),
  Selu: unary('Selu', { kinks: [0] }),
  Celu: unary('Celu', { kinks: [0] }, positiveSlope),
  Clip: cases(fc.tuple(shape(), bounds), ([dims, [lo, hi]]) => ({
    shapes: [dims],
    low: -5,
    high: 8,
    kinks: [lo ?? -9, hi ?? 9],
    build: (b, [x]) => {
      const given = [lo, hi].map((v) => (v === null ? '' : b.scalar(v)));
      while (given.at(-1) === '') given.pop();
      return b.op('Clip', [x!, ...given]);
    },
  })),
  HardSigmoid: cases(fc.tuple(shape(), number(0.1, 1), number(0.2, 0.8)), ([dims, a, beta]) => ({
    shapes: [dims],
    low: -4,
    high: 4,
    kinks: [-beta / a, (1 - beta) / a],
    build: (b, [x]) => b.op('HardSigmoid', [x!], { alpha: float(a), beta: float(beta) }),
  })),
  HardSwish: unary('HardSwish', { low: -5, high: 5, kinks: [-3, 3] }),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Softplus: unary('Softplus', { low: -6, high: 6 }),
  Softsign: unary('Softsign', { kinks: [0] }),
  Erf: unary('Erf'),
};
