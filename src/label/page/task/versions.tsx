import { useState } from 'preact/hooks';
import type { TaskDetail } from '../../api.js';
import { useApp, useLanguage, useText } from '../context.js';
import { bytes, percent } from '../format.js';
import { Ago } from '../parts/ago.js';
import { Confirm } from '../parts/confirm.js';
import { Icon } from '../parts/icon.js';

/** What was trained or installed, newest first, and the way back. */
export function Versions({ detail, reload }: { detail: TaskDetail; reload: () => void }) {
  const { api, actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const [asking, setAsking] = useState(false);
  const versions = [...detail.versions].sort((a, b) => b.number - a.number);
  const name = (version: number | 'instant') =>
    version === 'instant' ? text.task.instant : text.task.version(String(version));
  const rollback = async () => {
    const back = await actions.attempt(api.rollback(detail.task));
    if (back !== undefined) actions.tell(text.task.rolledBack(name(back.from), name(back.to)));
    reload();
  };
  return (
    <section class="card" data-testid="versions">
      <div class="card-head">
        <h2>{text.task.versions}</h2>
        {!detail.closed && detail.current !== 'instant' && (
          <button type="button" class="button" data-testid="rollback" onClick={() => setAsking(true)}>
            <Icon name="undo" />
            {text.task.rollback}
          </button>
        )}
      </div>
      {versions.length === 0 ? (
        <p class="muted">{text.task.versionsEmpty}</p>
      ) : (
        <ol class="versions">
          {versions.map((version) => (
            <li
              key={version.number}
              class={version.current ? 'current' : ''}
              data-testid={`version-${version.number}`}
            >
              <div>
                <strong>{text.task.version(String(version.number))}</strong>{' '}
                {version.current ? (
                  <span class="tag good">{text.task.current}</span>
                ) : (
                  <span class="tag">{text.task.state[version.state]}</span>
                )}
                <p class="muted small">
                  <Ago at={version.at} /> · {version.isolation} · {bytes(version.bytes, language)}
                  {version.source === 'pack' && ` · ${text.task.fromPack}`}
                </p>
              </div>
              <span class="version-accuracy">
                {version.accuracy === null ? '–' : percent(version.accuracy, language, 1)}
              </span>
            </li>
          ))}
        </ol>
      )}
      {asking && (
        <Confirm
          title={text.task.rollbackTitle}
          explanation={text.task.rollbackText}
          action={text.task.rollback}
          onConfirm={() => void rollback()}
          onClose={() => setAsking(false)}
        />
      )}
    </section>
  );
}
