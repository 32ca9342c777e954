import type { TaskDetail } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { percent } from '../format.js';
import { Chart } from '../parts/chart.js';
import { historyLines } from './history-lines.js';

/** How the accuracy on held-out samples went: of the versions that were trained, and of the instant answer. */
export function History({ detail }: { detail: TaskDetail }) {
  const text = useText();
  const language = useLanguage();
  const share = (value: number) => percent(value, language, 1);
  const { at, trained, instant } = historyLines(detail.history);
  const known = (trained.some((one) => one !== null) ? trained : instant).filter((one) => one !== null);
  const both = trained.some((one) => one !== null) && instant.some((one) => one !== null);
  const summary =
    known.length === 0
      ? text.task.historyEmpty
      : text.task.historySummary(share(known[0]!), share(known.at(-1)!), share(Math.max(...known)));
  return (
    <section class="card" data-testid="history">
      <h2>{text.task.history}</h2>
      {at.length > 1 && (
        <Chart
          summary={summary}
          x={at.map((one) => one / 1000)}
          y={both ? trained : known}
          second={both ? instant : undefined}
          time
          nameX={text.task.history}
          nameY={text.study.accuracy}
        />
      )}
      {both && at.length > 1 && (
        <p class="legend small">
          <span class="line-key" aria-hidden="true" />
          {text.task.trainedLine}
          <span class="line-key second" aria-hidden="true" />
          {text.task.instant}
        </p>
      )}
      <p class="muted small">{summary}</p>
    </section>
  );
}
