import type { ComponentChildren } from 'preact';
import type { LeftView } from '../../api.js';
import { useLanguage, useText } from '../context.js';
import { bytes, integer, percent } from '../format.js';
import { Ago } from '../parts/ago.js';
import { Bar } from '../parts/bar.js';

interface Props {
  left: readonly LeftView[];
  /** How a place is called. */
  place: (where: string) => ComponentChildren;
  /** How many went there, in words. */
  count: (count: string) => string;
  testId: string;
}

/** What left, the most first, each with its share of the whole. */
export function LeftList({ left, place, count, testId }: Props) {
  const text = useText();
  const language = useLanguage();
  const total = left.reduce((sum, one) => sum + one.bytes, 0);
  return (
    <ul class="ledger" data-testid={testId}>
      {[...left]
        .sort((a, b) => b.bytes - a.bytes)
        .map((one) => (
          <li key={`${one.kind} ${one.where}`} data-kind={one.kind} data-bytes={one.bytes}>
            <p class="ledger-head">
              <strong>{text.privacy.kinds[one.kind]?.[0] ?? one.kind}</strong>
              <span>{bytes(one.bytes, language)}</span>
            </p>
            <Bar share={total === 0 ? 0 : one.bytes / total} tone="gold" />
            <p class="small">{text.privacy.kinds[one.kind]?.[1] ?? one.what}</p>
            <p class="muted small">{place(one.where)}</p>
            <p class="muted small">
              {count(integer(one.messages, language))}
              {total > 0 &&
                one.bytes > 0 &&
                ` · ${text.privacy.shareOf(percent(one.bytes / total, language))}`}
              {one.lastAt !== null && (
                <>
                  {' · '}
                  <Ago at={one.lastAt} />
                </>
              )}
            </p>
          </li>
        ))}
    </ul>
  );
}
