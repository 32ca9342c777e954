import type { SourceView } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { integer } from '../format.js';
import { Ago } from '../parts/ago.js';

/** Sources that there is no picture of to look at: those that have sent none yet, and folders of labelled pictures. */
export function QuietSources({ sources }: { sources: SourceView[] }) {
  const text = useText();
  const language = useLanguage();
  if (sources.length === 0) return null;
  return (
    <section class="quiet-sources" data-testid="quiet-sources">
      <h2>{text.live.quiet}</h2>
      <ul>
        {sources.map(({ source, kind, delivered, lastFrameAt, lastError }) => (
          <li key={source}>
            <strong>{source}</strong>
            <span class="muted small">
              {kind} · {text.live.frames(integer(delivered, language))}
              {lastFrameAt !== null && (
                <>
                  {' · '}
                  <Ago at={lastFrameAt} />
                </>
              )}
            </span>
            {lastError !== null && <span class="small wrong">{lastError}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
