import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { float, int, string } from '../../../src/onnx/model.js';
import { type OperatorCase, one, plain, several } from './make.js';

const smooth = [
  ...['Neg', 'Abs', 'Sign', 'Exp', 'Erf', 'Sin', 'Cos', 'Floor', 'Ceil', 'Round', 'Identity', 'Relu'],
  ...['LeakyRelu', 'Elu', 'Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'HardSigmoid', 'HardSwish'],
  ...['Atan', 'Sinh', 'Cosh', 'Asinh', 'Selu', 'Celu', 'ThresholdedRelu'],
];
const positive = ['Log', 'Sqrt', 'Reciprocal'];
const within = ['Tan', 'Asin', 'Acos', 'Atanh'];
const two = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean'];
const compared = ['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal'];
/** Cases of the operators that compute element by element. */
export const elementwise: OperatorCase[] = [
  ...smooth.map((op) => one(op, 'by default', {})),
  ...smooth.map((op) => onPicture(op)),
  ...positive.map((op) => one(op, 'of what is positive', { low: 0.2 })),
  ...within.map((op) => one(op, 'near zero', { low: -0.9, high: 0.9 })),
  one('Acosh', 'of more than one', { low: 1.1 }),
  one('Celu', 'with a limit', { attributes: { alpha: float(0.6) } }),
  one('Selu', 'with limit and slope', { attributes: { alpha: float(1.2), gamma: float(1.4) } }),
  one('ThresholdedRelu', 'with a threshold', { attributes: { alpha: float(0.3) } }),
  ...two.map((op) =>
    one(op, 'of one shape', {
      shapes: [
        [2, 3],
        [2, 3],
      ],
      low: 0.3,
    }),
  ),
  ...two.map((op) =>
    one(op, 'broadcast both ways', {
      shapes: [
        [2, 1, 4],
        [3, 1],
      ],
      low: 0.3,
    }),
  ),
  ...['Add', 'Mul', 'Sub', 'Div'].map((op) => one(op, 'with a scalar', { shapes: [[], [2, 3]], low: 0.3 })),
  ...['Max', 'Min', 'Sum', 'Mean'].map((op) => one(op, 'of three', { shapes: [[2, 1], [1, 3], [3]] })),
  one('Max', 'of one', { shapes: [[2, 3]] }),
  one('Pow', 'of what is positive', {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    low: 0.2,
  }),
  one('Pow', 'squares', { more: (b) => [b.scalar(2)] }),
  one('LeakyRelu', 'with a slope', { attributes: { alpha: float(0.3) } }),
  one('Elu', 'with a limit', { attributes: { alpha: float(0.6) } }),
  one('HardSigmoid', 'with slope and shift', { attributes: { alpha: float(0.5), beta: float(0.25) } }),
  one('Mish', 'by default', { opset: 18 }),
  one('Gelu', 'exact', { opset: 20 }),
  one('Gelu', 'approximate', { opset: 20, attributes: { approximate: string('tanh') } }),
  one('PRelu', 'a slope a channel', {
    shapes: [
      [2, 3, 2, 2],
      [3, 1, 1],
    ],
  }),
  one('Clip', 'both limits', { more: (b) => [b.scalar(-0.5), b.scalar(1)] }),
  one('Clip', 'only below', { more: (b) => [b.scalar(0)] }),
  one('Clip', 'only above', { more: (b) => ['', b.scalar(0.5)] }),
  one('Clip', 'no limit', {}),
  one('Clip', 'far beyond', { more: (b) => [b.scalar(0), b.scalar(1)], low: -1e38, high: 1e38 }),
  ...compared.map((op) =>
    several(op, 'as numbers', (b) => {
      const rounded = plain(b, 'Floor', [b.input('x', [4, 5])]);
      return plain(b, op, [rounded, plain(b, 'Floor', [b.input('z', [5])])]);
    }),
  ),
  several('Not', 'of a comparison', (b) => plain(b, 'Not', [above(b, 'x')])),
  several('And', 'of two', (b) => plain(b, 'And', [above(b, 'x'), above(b, 'z')])),
  several('Xor', 'of two', (b) => plain(b, 'Xor', [above(b, 'x'), above(b, 'z')])),
  several('Or', 'of two', (b) => plain(b, 'Or', [above(b, 'x'), above(b, 'z')])),
  several('Where', 'of two tensors', (b) =>
    b.op('Where', [above(b, 'x'), b.input('p', [3, 4]), b.input('q', [4])]),
  ),
  several(
    'Cast',
    'to whole numbers and back',
    (b) => b.op('Cast', [b.input('x', [9])], { to: int(7) }),
    [-9, 9],
  ),
  several('Cast', 'to truth and back', (b) =>
    b.op('Cast', [plain(b, 'Floor', [b.input('x', [9])])], { to: int(9) }),
  ),
];

/** The operator between two convolutions, where tensors are in the other layout. */
function onPicture(op: string): OperatorCase {
  return several(op, 'between convolutions', (b) => {
    const x = b.op('Conv', [b.input('x', [2, 3, 4, 4]), b.input('w', [3, 3, 1, 1])]);
    const y = b.op('Mul', [plain(b, op, [x]), b.input('s', [3, 1, 1])]);
    return b.op('Conv', [b.op('Add', [y, b.input('t', [2, 3, 4, 4])]), b.input('v', [2, 3, 3, 3])]);
  });
}

function above(b: GraphBuilder, name: string): string {
  return b.op('Greater', [b.input(name, [3, 4]), b.scalar(0)]);
}
