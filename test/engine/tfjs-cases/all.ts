import { elementwise } from './elementwise.js';
import type { OperatorCase } from './make.js';
import { products, reduced } from './reduce.js';
import { shapes } from './shape.js';
import { convolutions, pools } from './window.js';

/** Cases of every operator that the TensorFlow.js engine has. */
export const operatorCases: OperatorCase[] = [
  ...elementwise,
  ...convolutions,
  ...pools,
  ...products,
  ...reduced,
  ...shapes,
];
