import fc from 'fast-check';
import { float, int } from '../../../src/onnx/model.js';
import { broadcasting, type Cases, cases, constant, size } from './arbitraries.js';

const number = fc.constantFrom(undefined, 0.5, -2);

export const matmul: Record<string, Cases> = {
  Gemm: cases(
    fc.record({
      m: size(),
      k: size(4),
      n: size(),
      transA: fc.nat(1),
      transB: fc.nat(1),
      alpha: number,
      beta: number,
      bias: fc.constantFrom('none', 'scalar', 'row', 'wide row', 'column', 'matrix'),
    }),
    ({ m, k, n, transA, transB, alpha, beta, bias }) => {
      const biases: Record<string, number[][]> = {
        none: [],
        scalar: [[]],
        row: [[n]],
        'wide row': [[1, n]],
        column: [[m, 1]],
        matrix: [[m, n]],
      };
      return {
        shapes: [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n], ...biases[bias]!],
        build: (b, x) =>
          b.op('Gemm', x, {
            transA: int(transA),
            transB: int(transB),
            ...(alpha !== undefined && { alpha: float(alpha) }),
            ...(beta !== undefined && { beta: float(beta) }),
          }),
      };
    },
  ),
  MatMul: cases(
    fc.record({
      batches: broadcasting(2),
      m: size(),
      k: size(4),
      n: size(),
      vector: fc.constantFrom('none', 'none', 'left', 'right', 'both'),
      frozen: fc.constantFrom('none', 'none', 'left', 'right'),
    }),
    ({ batches: [p, q], m, k, n, vector, frozen }) => {
      const left = vector === 'left' || vector === 'both' ? [k] : [...p!, m, k];
      const right = vector === 'right' || vector === 'both' ? [k] : [...q!, k, n];
      if (frozen === 'left') {
        return { shapes: [right], build: (b, [x]) => b.op('MatMul', [constant(b, left), x!]) };
      }
      if (frozen === 'right') {
        return { shapes: [left], build: (b, [x]) => b.op('MatMul', [x!, constant(b, right)]) };
      }
      return { shapes: [left, right], build: (b, x) => b.op('MatMul', x) };
    },
  ),
};
