import type { SourceView } from '../../api.js';
import { useText } from '../context.js';
import { Ago } from '../parts/ago.js';
import { CountsLine } from './counts-line.js';

/** Sources that there is no picture of to look at: those that have sent none yet, and folders of labelled pictures. */
export function QuietSources({ sources }: { sources: SourceView[] }) {
  const text = useText();
  if (sources.length === 0) return null;
  return (
    <section class="quiet-sources" data-testid="quiet-sources">
      <h2>{text.live.quiet}</h2>
      <ul>
        {sources.map((source) => (
          <li key={source.source}>
            <strong>{source.source}</strong>
            <span class="muted small">
              {source.kind}
              {source.lastFrameAt !== null && (
                <>
                  {' · '}
                  <Ago at={source.lastFrameAt} />
                </>
              )}
            </span>
            <CountsLine source={source} />
            {source.lastError !== null && <span class="small wrong">{source.lastError}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
