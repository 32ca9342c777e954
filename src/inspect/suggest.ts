import type { CutFigures } from './result.js';

/** Shares of the network's weights that a suggested crown holds. */
const LEAST = 0.2;
const MOST = 0.5;

/**
 * The cut to begin with where nobody names one: of those whose crown can be trained and holds a fifth to a half
 * of the weights that masks cover, the one with the smallest latent, and of equal ones the last (its steps are
 * the cheapest). Where there is none, any crown with weights will do.
 * @returns its tensor, or null where no crown can be trained
 */
export function suggestCut(cuts: readonly CutFigures[]): string | null {
  const trainable = cuts.filter((c) => c.trainable && c.mask.weights > 0);
  const most = Math.max(...cuts.map((c) => c.mask.weights));
  const within = trainable.filter((c) => c.mask.weights >= LEAST * most && c.mask.weights <= MOST * most);
  const candidates = within.length > 0 ? within : trainable;
  const best = candidates.reduce<CutFigures | undefined>(
    (b, c) => (b && b.latent!.bytes < c.latent!.bytes ? b : c),
    undefined,
  );
  return best?.tensor ?? null;
}
