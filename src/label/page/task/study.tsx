import type { StudyView, TaskDetail } from '../../api.js';
import { useApp, useLanguage, useText } from '../context.js';
import { forecastSentence } from '../forecast.js';
import { integer, moment, percent } from '../format.js';
import { Chart } from '../parts/chart.js';
import { Icon } from '../parts/icon.js';

/** Whether more labels would help: the learning curve, and where it leads. */
export function Study({ detail, reload }: { detail: TaskDetail; reload: () => void }) {
  const { api, actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const { study, studying, task, closed } = detail;
  return (
    <section class="card study" data-testid="study">
      <div class="card-head">
        <h2>{text.study.title}</h2>
        {!closed && (
          <button
            type="button"
            class="button"
            data-testid="study-start"
            disabled={studying}
            onClick={async () => {
              await actions.attempt(api.study(task));
              reload();
            }}
          >
            {studying ? <span class="spinner" aria-hidden="true" /> : <Icon name="search" />}
            {studying ? text.study.running : study === null ? text.study.start : text.study.again}
          </button>
        )}
      </div>
      {study === null ? (
        <p class="muted">{text.study.never}</p>
      ) : (
        <>
          <p class={`verdict ${study.forecast?.enough ? 'enough' : ''}`} data-testid="forecast">
            {forecastSentence(study, text, language)}
          </p>
          {study.curve.length > 1 && <Curve study={study} />}
          <p class="muted small">{text.study.at(moment(study.at, language))}</p>
        </>
      )}
    </section>
  );
}

function Curve({ study }: { study: StudyView }) {
  const text = useText();
  const language = useLanguage();
  const { curve, forecast } = study;
  const last = curve.at(-1)!;
  const ahead = forecast !== null && !forecast.enough;
  const end = ahead ? [last.labels + forecast.moreLabels] : [];
  return (
    <Chart
      summary={text.study.curveSummary(integer(last.labels, language), percent(last.accuracy, language, 1))}
      x={[...curve.map(({ labels }) => labels), ...end]}
      y={[...curve.map(({ accuracy }) => accuracy), ...end.map(() => null)]}
      spread={[...curve.map(({ spread }) => spread), ...end.map(() => 0)]}
      second={ahead ? [...curve.slice(0, -1).map(() => null), last.accuracy, forecast.accuracy] : undefined}
      nameX={text.study.labels}
      nameY={text.study.accuracy}
    />
  );
}
