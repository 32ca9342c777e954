import type { Answer } from '../recognize/answer.js';
import type { AskReason } from './api.js';

/** Answers whose two likeliest classes are less apart than this are called unsure. */
const UNSURE = 0.4;

/** How much a label for a picture would tell, from 0 to 2, and why. */
export interface Worth {
  reason: AskReason;
  worth: number;
}

/**
 * How much a label would tell: most where no class explains the picture, then where a weak label says something else, then
 * the less the two likeliest classes are apart (the margin; Scheffer, Decomain & Wrobel 2001).
 * @param answer undefined where nothing could be said
 * @param weak a label from elsewhere that the answer does not bear out
 */
export function worthOf(answer: Answer | undefined, weak: string | undefined): Worth {
  if (answer?.novel) return { reason: 'novel', worth: 2 - (answer.pValue ?? 0) };
  if (weak !== undefined && weak !== answer?.label) return { reason: 'disagreement', worth: 1.2 };
  // Who knows one class only calls everything by it.
  const [first, second] = answer?.all ?? [];
  if (!first || !second) return { reason: 'different', worth: 1 };
  const margin = first.probability - second.probability;
  return { reason: margin < UNSURE ? 'unsure' : 'different', worth: 1 - margin };
}
