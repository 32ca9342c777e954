import { useState } from 'preact/hooks';
import type { StudyView } from '../../api.js';
import { useApp, useLanguage, useText } from '../context.js';
import { percent } from '../format.js';
import { Picture } from '../parts/picture.js';
import { keepLabel, keptLabels } from './kept-labels.js';

interface Props {
  study: StudyView;
  task: string;
  closed: boolean;
  reload: () => void;
}

/** Pictures that look unlike their label: one tap corrects one, another says that it is right. */
export function Doubtful({ study, task, closed, reload }: Props) {
  const { actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const [kept, setKept] = useState(keptLabels);
  const [corrected, setCorrected] = useState<ReadonlySet<string>>(new Set());
  const left = study.doubtful.filter(
    ({ sample, label }) => !kept.has(`${sample} ${label}`) && !corrected.has(sample),
  );
  return (
    <section class="card wide" data-testid="doubtful">
      <h2>{text.study.doubtful}</h2>
      {left.length === 0 ? (
        <p class="muted">{text.study.doubtfulNone}</p>
      ) : (
        <>
          <p class="muted small">{text.study.doubtfulLead}</p>
          <ul class="doubts">
            {left.map(({ sample, label, suggestion, probability }) => (
              <li key={sample} data-testid="doubt">
                <div class="doubt-picture">
                  <Picture sample={sample} size="small" alt={text.common.pictureOf(label)} />
                </div>
                <p class="small">
                  <strong>{text.study.labelled(label)}</strong>
                  <br />
                  <span class="muted">
                    {text.study.looksLike(suggestion, percent(probability, language))}
                  </span>
                </p>
                {!closed && (
                  <div class="doubt-tools">
                    <button
                      type="button"
                      class="button primary"
                      data-testid="doubt-correct"
                      onClick={async () => {
                        if (!(await actions.label(sample, task, suggestion))) return;
                        setCorrected(new Set([...corrected, sample]));
                        reload();
                      }}
                    >
                      {text.study.correct(suggestion)}
                    </button>
                    <button
                      type="button"
                      class="button"
                      data-testid="doubt-keep"
                      onClick={() => setKept(keepLabel(`${sample} ${label}`))}
                    >
                      {text.study.keep(label)}
                    </button>
                  </div>
                )}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
