import type { SourceView } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { integer } from '../format.js';
import { countsOf } from './source-counts.js';

/** How many pictures came from a source, and what became of them. */
export function CountsLine({ source }: { source: SourceView }) {
  const text = useText();
  const language = useLanguage();
  return (
    <ul
      class="source-counts muted small"
      aria-label={text.live.counts.label}
      data-testid={`counts-${source.source}`}
    >
      {countsOf(source).map(([count, value]) => (
        <li key={count} data-count={count} data-value={value}>
          {text.live.counts[count](integer(value, language))}
        </li>
      ))}
    </ul>
  );
}
