import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dualOfProjection } from '../../../src/learn/rehearsal/gradient-projection.js';

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

function projected(
  g: readonly number[],
  memory: readonly (readonly number[])[],
  margin: number,
  ridge?: number,
) {
  const gram = memory.map((a) => memory.map((b) => dot(a, b)));
  const v = dualOfProjection(
    gram,
    memory.map((m) => dot(m, g)),
    margin,
    ridge,
  );
  return {
    v,
    step: g.map((value, i) => value + (v ?? []).reduce((sum, s, k) => sum + s * memory[k]![i]!, 0)),
  };
}

/** The exact solution: every set of constraints at their bound is tried, and the best feasible point kept. */
function exact(gram: number[][], linear: number[], margin: number): number[] {
  const n = linear.length;
  const value = (v: number[]) => v.reduce((sum, a, i) => sum + a * (0.5 * dot(gram[i]!, v) + linear[i]!), 0);
  let best: number[] | undefined;
  for (let set = 0; set < 2 ** n; set++) {
    const free = linear.flatMap((_, i) => (set & (1 << i) ? [i] : []));
    const v = linear.map(() => margin);
    const right = free.map(
      (i) =>
        -linear[i]! -
        dot(
          gram[i]!,
          v.map((m, j) => (free.includes(j) ? 0 : m)),
        ),
    );
    const inner = solve(
      free.map((i) => free.map((j) => gram[i]![j]!)),
      right,
    );
    free.forEach((i, k) => {
      v[i] = inner[k]!;
    });
    const feasible = v.every((a) => a >= margin - 1e-9);
    if (feasible && (!best || value(v) < value(best))) best = v;
  }
  return best!;
}

/** Gaussian elimination with pivoting. */
function solve(matrix: number[][], right: number[]): number[] {
  const a = matrix.map((row, i) => [...row, right[i]!]);
  for (let c = 0; c < a.length; c++) {
    const pivot = a
      .slice(c)
      .reduce((best, row, i) => (Math.abs(row[c]!) > Math.abs(a[best]![c]!) ? c + i : best), c);
    [a[c], a[pivot]] = [a[pivot]!, a[c]!];
    for (let r = 0; r < a.length; r++) {
      if (r === c) continue;
      const by = a[r]![c]! / a[c]![c]!;
      for (let k = c; k <= a.length; k++) a[r]![k]! -= by * a[c]![k]!;
    }
  }
  return a.map((row, i) => row[a.length]! / row[i]!);
}

const vector = fc.array(
  fc.integer({ min: -50, max: 50 }).map((v) => v / 10),
  { minLength: 6, maxLength: 6 },
);

describe('GEM’s projection', () => {
  it('leaves a step alone that no earlier task objects to', () => {
    expect(
      projected(
        [1, 0],
        [
          [1, 1],
          [0, 1],
        ],
        0.5,
      ).v,
    ).toBeNull();
  });

  it('takes away just what goes against one earlier task', () => {
    const { step } = projected([1, -1], [[0, 2]], 0);
    expect(step[0]).toBeCloseTo(1, 6);
    expect(step[1]).toBeCloseTo(0, 6);
  });

  it('has the sign right: the step goes on downhill, not back up', () => {
    const { step } = projected([3, -4], [[-1, 0.5]], 0);
    expect(dot(step, [3, -4])).toBeGreaterThan(0);
  });

  it('meets every constraint, and is the nearest step that does (margin 0)', () => {
    fc.assert(
      fc.property(vector, fc.array(vector, { minLength: 1, maxLength: 4 }), (g, memory) => {
        const { step } = projected(g, memory, 0);
        const size = Math.sqrt(dot(g, g)) + 1;
        for (const m of memory)
          expect(dot(step, m)).toBeGreaterThan(-1e-3 * size * (1 + Math.sqrt(dot(m, m))));
        // Of a projection on a cone: what was taken away is at a right angle to what stays.
        expect(
          Math.abs(
            dot(
              step,
              step.map((s, i) => g[i]! - s),
            ),
          ),
        ).toBeLessThan(1e-3 * size * size);
      }),
    );
  });

  it('equals the exact solution', () => {
    fc.assert(
      fc.property(
        vector,
        fc.array(vector, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, 0.5, 1),
        (g, memory, margin) => {
          const gram = memory.map((a) => memory.map((b) => dot(a, b)));
          const independent = memory.every((m, k) => {
            const rest = memory.filter((_, j) => j !== k);
            const { step } = rest.length > 0 ? orthogonal(m, rest) : { step: m };
            return dot(step, step) > 0.1;
          });
          fc.pre(independent);
          const linear = memory.map((m) => dot(m, g));
          const v = dualOfProjection(gram, linear, margin);
          if (linear.every((l) => l >= 0)) expect(v).toBeNull();
          else for (const [k, e] of exact(gram, linear, margin).entries()) expect(v![k]).toBeCloseTo(e, 3);
        },
      ),
    );
  });

  it('asks for at least the margin of every task', () => {
    const { v } = projected(
      [1, -1],
      [
        [0, 2],
        [5, 0],
      ],
      0.5,
    );
    for (const share of v!) expect(share).toBeGreaterThanOrEqual(0.5 - 1e-9);
  });

  it('takes no task without a gradient for a constraint', () => {
    const { v, step } = projected(
      [1, -1],
      [
        [0, 0],
        [0, 2],
      ],
      0.5,
    );
    expect(v![0]).toBe(0);
    expect(step[1]).toBeGreaterThanOrEqual(0);
  });

  it('with a ridge takes a bounded share of a gradient that is tiny: v (m m + ridge) = -g m', () => {
    const exactly = projected([-1, 0], [[1e-3, 0]], 0);
    expect(exactly.v![0]).toBeCloseTo(1000, 1);
    expect(exactly.step[0]).toBeCloseTo(0, 5);
    const bounded = projected([-1, 0], [[1e-3, 0]], 0, 1e-3);
    expect(bounded.v![0]).toBeCloseTo(1e-3 / (1e-6 + 1e-3), 6);
    // A gradient of the usual size is hardly touched by it.
    expect(projected([-1, 0], [[1, 0]], 0, 1e-3).step[0]).toBeCloseTo(0, 2);
  });

  it('stands gradients that are all but the same, huge or tiny', () => {
    for (const size of [1e-12, 1, 1e12]) {
      const memory = [
        [0, size],
        [0, size * (1 + 1e-9)],
      ];
      const { step } = projected([size, -size], memory, 0);
      expect(step[0]! / size).toBeCloseTo(1, 6);
      expect(step[1]! / size).toBeCloseTo(0, 4);
    }
  });
});

/** What of a vector is at a right angle to all others (Gram-Schmidt). */
function orthogonal(m: readonly number[], others: readonly (readonly number[])[]): { step: number[] } {
  const basis: number[][] = [];
  const reduce = (v: readonly number[]) =>
    basis.reduce<number[]>((rest, e) => rest.map((r, i) => r - dot(rest, e) * e[i]!), [...v]);
  for (const o of others) {
    const rest = reduce(o);
    const length = Math.sqrt(dot(rest, rest));
    if (length > 1e-9) basis.push(rest.map((r) => r / length));
  }
  return { step: reduce(m) };
}
