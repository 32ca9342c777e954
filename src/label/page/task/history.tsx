import type { TaskDetail } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { percent } from '../format.js';
import { Chart } from '../parts/chart.js';

/** How the accuracy on held-out samples went. */
export function History({ detail }: { detail: TaskDetail }) {
  const text = useText();
  const language = useLanguage();
  const { history } = detail;
  const share = (value: number) => percent(value, language, 1);
  const summary =
    history.length === 0
      ? text.task.historyEmpty
      : text.task.historySummary(
          share(history[0]!.accuracy),
          share(history.at(-1)!.accuracy),
          share(Math.max(...history.map(({ accuracy }) => accuracy))),
        );
  return (
    <section class="card" data-testid="history">
      <h2>{text.task.history}</h2>
      {history.length > 1 && (
        <Chart
          summary={summary}
          x={history.map(({ at }) => at / 1000)}
          y={history.map(({ accuracy }) => accuracy)}
          time
          nameX={text.task.history}
          nameY={text.study.accuracy}
        />
      )}
      <p class="muted small">{summary}</p>
    </section>
  );
}
