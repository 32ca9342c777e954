import type { Rows } from './network.js';

/**
 * Area under the ROC curve: for each class the chance that a sample of it scores higher than one of the others, equal
 * scores counted half (Hanley & McNeil 1982); the mean over the classes.
 * @param scores [samples, classes]
 * @param classes columns that are asked; those with no sample, or with all, have no curve and are left out
 * @returns NaN where no class has a curve
 */
export function auroc(scores: Rows, labels: ArrayLike<number>, classes: readonly number[]): number {
  const areas = classes.flatMap((c) => areaOf(scores, labels, c) ?? []);
  return areas.length === 0 ? Number.NaN : areas.reduce((sum, a) => sum + a, 0) / areas.length;
}

function areaOf({ data, count, width }: Rows, labels: ArrayLike<number>, c: number): number | undefined {
  const score = (i: number) => data[i * width + c]!;
  const order = Array.from({ length: count }, (_, i) => i).sort((i, j) => score(i) - score(j));
  const positives = order.filter((i) => labels[i] === c).length;
  if (positives === 0 || positives === count) return undefined;
  let ranks = 0;
  for (let from = 0; from < count; ) {
    let until = from;
    let own = 0;
    while (until < count && score(order[until]!) === score(order[from]!))
      if (labels[order[until++]!] === c) own++;
    // Samples of one score share the mean of their ranks.
    ranks += own * ((from + 1 + until) / 2);
    from = until;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (count - positives));
}
