import { broadcast, type ShapeRule, same } from './context.js';

const broadcasted: ShapeRule = (n, c) => [
  n.inputs.map((name) => [...c.shape(name)]).reduce((a, b) => broadcast(a, b)),
];

/** Operators whose inputs broadcast. */
export const BROADCASTING = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Mod', 'Max', 'Min', 'Sum', 'Mean', 'PRelu', 'Where'],
  ...['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'And', 'Or', 'Xor'],
];

/** Operators whose every output has the first input's shape. */
export const SAME = [
  ...[
    'Relu',
    'LeakyRelu',
    'Clip',
    'HardSwish',
    'HardSigmoid',
    'Sigmoid',
    'Tanh',
    'Erf',
    'Exp',
    'Log',
    'Sqrt',
  ],
  ...['Elu', 'Selu', 'Celu', 'ThresholdedRelu', 'Softplus', 'Softsign', 'Gelu', 'Mish', 'Shrink'],
  ...['Neg', 'Abs', 'Sign', 'Reciprocal', 'Floor', 'Ceil', 'Round', 'Sin', 'Cos', 'Tan', 'Sinh', 'Cosh'],
  ...['Asin', 'Acos', 'Atan', 'Asinh', 'Acosh', 'Atanh', 'IsNaN', 'IsInf', 'Not', 'Identity', 'Cast'],
  ...['Dropout', 'Binarize', 'Choose', 'QuantizeLinear', 'DequantizeLinear'],
];

/** Shapes of operators that work element by element. */
export const elementwise: Record<string, ShapeRule> = Object.fromEntries([
  ...BROADCASTING.map((op) => [op, broadcasted]),
  ...SAME.map((op) => [op, same]),
]);
