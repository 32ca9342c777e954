import type { Answer } from '../recognize/answer.js';
import type { AnswerView } from './api.js';

const CLASSES_SHOWN = 10;

/** An answer as it is shown. */
export function answerView({ task, label, probability, version, all, novel }: Answer): AnswerView {
  return {
    ...{ task, probability, version, novel },
    label: novel ? null : label,
    all: all.slice(0, CLASSES_SHOWN),
  };
}
