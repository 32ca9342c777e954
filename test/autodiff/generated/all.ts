import type { Cases } from './arbitraries.js';
import { activation, elementwise } from './elementwise.js';
import { matmul } from './matmul.js';
import { resample, shapes } from './move.js';
import { normalization, reduce } from './reduce.js';
import { conv, pools, products } from './window.js';

/** Cases of every operator that has a gradient rule, but of the threshold: that is no function with a derivative. */
export const generated: Record<string, Cases> = {
  ...activation,
  ...conv,
  ...elementwise,
  ...matmul,
  ...normalization,
  ...pools,
  ...products,
  ...reduce,
  ...resample,
  ...shapes,
};
