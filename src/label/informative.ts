import type { Answer } from '../recognize/recognizer.js';
import type { AskReason } from './api.js';

/** Answers whose two likeliest classes are less apart than this are unsure. */
const UNSURE = 0.4;
/** What a picture is worth that is only unlike the others. */
const DIFFERENT = 0.2;

/** How much a label for a picture would tell, from 0 to 2, and why. */
export interface Worth {
  reason: AskReason;
  worth: number;
}

/**
 * How much a label would tell: most where no class explains the picture, then where a weak label says something else, then
 * where two classes are about as likely (the margin; Scheffer, Decomain & Wrobel 2001). The rest only counts for being
 * unlike what is known.
 * @param answer undefined where nothing could be said
 * @param weak a label from elsewhere that the answer does not bear out
 */
export function worthOf(answer: Answer | undefined, weak: string | undefined): Worth {
  if (weak !== undefined && weak !== answer?.label) return { reason: 'disagreement', worth: 1.2 };
  if (!answer) return { reason: 'different', worth: 1 };
  if (answer.novel) return { reason: 'novel', worth: 2 - (answer.pValue ?? 0) };
  const margin = answer.probability - (answer.all[1]?.probability ?? 0);
  if (margin < UNSURE) return { reason: 'unsure', worth: 1 - margin };
  return { reason: 'different', worth: DIFFERENT * (1 - margin) + DIFFERENT / 2 };
}
