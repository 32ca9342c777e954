import type { TaskDetail } from '../../api.js';

export interface HistoryLines {
  /** Rising, each once; milliseconds. */
  at: number[];
  /** Of the version that was trained then; null where only the instant answer was measured. */
  trained: (number | null)[];
  instant: (number | null)[];
}

/** Two lines over the same times: a training measures its version and the instant answer on the same samples. */
export function historyLines(history: TaskDetail['history']): HistoryLines {
  const at = [...new Set(history.map((one) => one.at))].sort((a, b) => a - b);
  const measured = (when: number, instant: boolean) =>
    history.filter((one) => one.at === when && (one.version === 'instant') === instant).at(-1)?.accuracy ??
    null;
  return {
    at,
    trained: at.map((when) => measured(when, false)),
    instant: at.map((when) => measured(when, true)),
  };
}
