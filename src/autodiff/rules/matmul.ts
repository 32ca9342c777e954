import { floatAttribute, int, intAttribute, ints } from '../../onnx/model.js';
import { type Rule, reshape, scale, sumTo } from '../rule.js';

/** Swaps the last two axes. */
const swapped = (rank: number) => ({
  perm: ints(Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i))),
});

export const matmul: Record<string, Rule> = {
  // y = alpha * op(a) op(b) + beta * c
  Gemm: ({ node, x, dy, b, wants }) => {
    const [p, q, bias] = x as [string, string, string?];
    const transA = intAttribute(node, 'transA', 0) === 1;
    const transB = intAttribute(node, 'transB', 0) === 1;
    const by = floatAttribute(node, 'alpha', 1);
    const gemm = (l: string, r: string, tl: boolean, tr: boolean) => {
      const g = b.op('Gemm', [l, r], { transA: int(tl ? 1 : 0), transB: int(tr ? 1 : 0) });
      return by === 1 ? g : scale(b, g, by);
    };
    const dp = () => (transA ? gemm(q, dy, transB, true) : gemm(dy, q, false, !transB));
    const dq = () => (transB ? gemm(dy, p, true, transA) : gemm(p, dy, !transA, false));
    const dBias = () => {
      const beta = floatAttribute(node, 'beta', 1);
      return sumTo(b, beta === 1 ? dy : scale(b, dy, beta), b.shape(bias!));
    };
    return [wants(0) ? dp() : undefined, wants(1) ? dq() : undefined, bias && wants(2) ? dBias() : undefined];
  },
  MatMul: ({ x, dy, b, wants }) => {
    const [p, q] = x as [string, string];
    const ps = b.shape(p);
    const qs = b.shape(q);
    // Vectors are seen as matrices of one row or one column.
    const p2 = ps.length === 1 ? reshape(b, p, [1, ...ps]) : p;
    const q2 = qs.length === 1 ? reshape(b, q, [...qs, 1]) : q;
    const batch = b
      .shape(dy)
      .slice(0, b.shape(dy).length - (ps.length > 1 ? 1 : 0) - (qs.length > 1 ? 1 : 0));
    const d = reshape(b, dy, [...batch, b.shape(p2).at(-2)!, b.shape(q2).at(-1)!]);
    const t = (m: string) => b.op('Transpose', [m], swapped(b.shape(m).length));
    const dp = () => reshape(b, sumTo(b, b.op('MatMul', [d, t(q2)]), b.shape(p2)), ps);
    const dq = () => {
      // Many rows against one matrix: one Gemm over all rows instead of a product a batch and a sum.
      if (b.shape(q2).length === 2) {
        const k = b.shape(p2).at(-1)!;
        const flat = reshape(b, p2, [b.shape(p2).reduce((a, c) => a * c, 1) / k, k]);
        const columns = b.shape(q2)[1]!;
        const rows = b.shape(flat)[0]!;
        const g = b.op('Gemm', [flat, reshape(b, d, [rows, columns])], { transA: int(1) });
        return reshape(b, g, qs);
      }
      return reshape(b, sumTo(b, b.op('MatMul', [t(p2), d]), b.shape(q2)), qs);
    };
    return [wants(0) ? dp() : undefined, wants(1) ? dq() : undefined];
  },
};
