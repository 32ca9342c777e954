import { solveQP } from 'quadprog';

/** Added to the quadratic form's diagonal, relative to its mean: gradients of like tasks are nearly dependent. */
const LEAST_RIDGE = 1e-8;

/**
 * The dual of GEM's projection (Lopez-Paz & Ranzato 2017, equations 8 to 11): the step g + G'v, with the v that keeps
 * every earlier task's loss from rising and changes g least. Minimizes v'GG'v / 2 + g'G'v under v >= margin.
 * @param gram [t][t] products of the earlier tasks' gradients with each other
 * @param dots [t] products of their gradients with this step's
 * @param margin of the dual variables; above zero it favours backward transfer (the authors' `memory_strength`)
 * @param ridge added to the quadratic form's diagonal, in squares of gradients. Where a memory is so small that the network
 *   fits it, its gradient is tiny, and keeping to it exactly would take a huge multiple of what is little but noise
 * @returns v [t], the share of each task's gradient to add; null where no product is negative and g stands
 */
export function dualOfProjection(
  gram: readonly (readonly number[])[],
  dots: readonly number[],
  margin: number,
  ridge = 0,
): number[] | null {
  if (dots.every((d) => d >= 0)) return null;
  // A task without samples has no gradient, and a row of zeros is no constraint.
  const tasks = dots.flatMap((_, k) => (gram[k]![k]! > 0 ? [k] : []));
  if (tasks.length === 0) return null;
  // Scaled to unit mean, so that neither the ridge nor the solver depends on how large the gradients are.
  const unit = tasks.reduce((sum, k) => sum + gram[k]![k]!, 0) / tasks.length;
  const added = LEAST_RIDGE + ridge / unit;
  const form = tasks.map((i) => tasks.map((j) => gram[i]![j]! / unit + (i === j ? added : 0)));
  const identity = tasks.map((i) => tasks.map((j) => (i === j ? 1 : 0)));
  const { solution, message } = solveQP(
    ofOne(form.map(ofOne)),
    ofOne(tasks.map((k) => -dots[k]! / unit)),
    ofOne(identity.map(ofOne)),
    ofOne(tasks.map(() => margin)),
  );
  if (message) throw new RangeError(`GEM's quadratic program has no solution: ${message}`);
  const shares = dots.map(() => 0);
  tasks.forEach((k, i) => {
    shares[k] = solution[i + 1]!;
  });
  return shares;
}

/** With a first element that is never read: the solver counts from 1. */
const ofOne = <T>(values: readonly T[]): T[] => [undefined as T, ...values];
