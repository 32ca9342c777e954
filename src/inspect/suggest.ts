import type { CutFigures } from './result.js';

/** Shares of the weights that masks cover which a suggested crown holds. */
const LEAST_WEIGHTS = 0.2;
const MOST_WEIGHTS = 0.5;
/** Share of the operations that it has at least: below, it is hardly more than a classifier. */
const LEAST_WORK = 0.03;

/**
 * The cut to begin with where nobody names one. Of those whose crown can be trained, does a thirtieth of the
 * work and holds a fifth to a half of the weights that masks cover, it is the one with the smallest latent, and
 * of equal ones the last (its steps are the cheapest). Where there is none, larger crowns are looked at, then all.
 * @returns its tensor, or null where no crown can be trained
 */
export function suggestCut(cuts: readonly CutFigures[]): string | null {
  const most = Math.max(...cuts.map((c) => c.mask.weights));
  const trainable = cuts.filter((c) => c.trainable && c.mask.weights > 0);
  const large = trainable.filter((c) => workOf(c) >= LEAST_WORK && c.mask.weights >= LEAST_WEIGHTS * most);
  const moderate = large.filter((c) => c.mask.weights <= MOST_WEIGHTS * most);
  const candidates = [moderate, large, trainable].find((list) => list.length > 0) ?? [];
  const best = candidates.reduce<CutFigures | undefined>(
    (b, c) => (b && b.latent!.bytes < c.latent!.bytes ? b : c),
    undefined,
  );
  return best?.tensor ?? null;
}

/** The crown's share of all operations; 1 where it is not known. */
function workOf({ trunk, crown }: CutFigures): number {
  if (trunk.flops === null || crown.flops === null) return 1;
  return crown.flops / (trunk.flops + crown.flops);
}
