import type { StudyView } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { integer } from '../format.js';
import { worstMixUp } from './mix-ups.js';

/** Rows are what it is, columns what was answered; the darker, the more of the row. */
export function Confusion({ confusion }: { confusion: NonNullable<StudyView['confusion']> }) {
  const text = useText();
  const language = useLanguage();
  const { classes, counts } = confusion;
  const worst = worstMixUp(counts);
  return (
    <section class="card" data-testid="confusion">
      <h2>{text.task.confusion}</h2>
      <p class="small">
        {worst === null
          ? text.task.mixedNone
          : text.task.mixed(classes[worst.row]!, classes[worst.column]!, integer(worst.count, language))}
      </p>
      <p class="muted small">{text.task.confusionLead}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section class="matrix-scroll" tabIndex={0} aria-label={text.task.confusion}>
        <table class="matrix">
          <thead>
            <tr>
              <td />
              {classes.map((answered) => (
                <th key={answered} scope="col">
                  <span>{answered}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((actual, row) => {
              const all = counts[row]!.reduce((sum, count) => sum + count, 0);
              return (
                <tr key={actual}>
                  <th scope="row">{actual}</th>
                  {counts[row]!.map((count, column) => (
                    <td
                      key={classes[column]}
                      class={row === column ? 'right' : count > 0 ? 'wrong' : ''}
                      style={{ '--share': String(all === 0 ? 0 : count / all) }}
                      title={text.task.confusionCell(integer(count, language), actual, classes[column]!)}
                    >
                      {count === 0 ? <span class="nought">·</span> : integer(count, language)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </section>
  );
}
