import { intAttribute } from '../model.js';
import { broadcast, input, type ShapeRule } from './context.js';

/** Shapes of products of matrices. */
export const matmul: Record<string, ShapeRule> = {
  Gemm: (n, c) => {
    const a = input(n, c, 0);
    const b = input(n, c, 1);
    const [m, k] = intAttribute(n, 'transA', 0) ? [a[1]!, a[0]!] : [a[0]!, a[1]!];
    const [k2, p] = intAttribute(n, 'transB', 0) ? [b[1]!, b[0]!] : [b[0]!, b[1]!];
    if (k !== k2) throw new RangeError(`cannot multiply [${a}] by [${b}]`);
    return [[m, p]];
  },
  // Only differentiation knows it: a product of patches by a weight (see autodiff/patches.ts).
  PatchGemm: (n, c) => [[input(n, c, 0)[0]!, input(n, c, 1)[1]!]],
  MatMul: (n, c) => {
    const a = [...input(n, c, 0)];
    const b = [...input(n, c, 1)];
    if (a.length === 1) a.unshift(1);
    if (b.length === 1) b.push(1);
    if (a.at(-1) !== b.at(-2)) throw new RangeError(`cannot multiply [${a}] by [${b}]`);
    const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
    const rows = input(n, c, 0).length === 1 ? [] : [a.at(-2)!];
    const columns = input(n, c, 1).length === 1 ? [] : [b.at(-1)!];
    return [[...batch, ...rows, ...columns]];
  },
};
