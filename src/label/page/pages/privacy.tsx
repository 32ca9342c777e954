import { useEffect, useState } from 'preact/hooks';
import type { PrivacyView } from '../../api.js';
import { useApp, useLanguage, useText } from '../context.js';
import { bytes, integer, moment, percent } from '../format.js';
import { Ago } from '../parts/ago.js';
import { Bar } from '../parts/bar.js';
import { Icon } from '../parts/icon.js';
import { Loading } from '../parts/loading.js';

const REFRESH_MS = 5000;

/** Every byte that left, and what is kept. */
export function PrivacyPage() {
  const { api, actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const [view, setView] = useState<PrivacyView | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    const load = () =>
      api.privacy().then(
        (privacy) => {
          setView(privacy);
          setFailed(null);
        },
        (error: unknown) => setFailed(actions.explain(error)),
      );
    void load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  if (view === null) return failed === null ? <Loading /> : <p class="note error">{failed}</p>;
  const total = view.left.reduce((sum, one) => sum + one.bytes, 0);
  const left = [...view.left].sort((a, b) => b.bytes - a.bytes);
  return (
    <>
      <header class="page-head">
        <h1>{text.privacy.title}</h1>
      </header>
      <section class="card privacy-lead">
        <Icon name="privacy" />
        <div>
          <p class="verdict" data-testid="left-total" data-bytes={total}>
            {total === 0
              ? text.privacy.leadNothing
              : text.privacy.lead(bytes(total, language), moment(view.since, language))}
          </p>
          <p class="muted">{text.privacy.promise}</p>
          <dl class="facts">
            <div>
              <dt>{text.privacy.broker}</dt>
              <dd>{view.broker === '' ? text.privacy.noBroker : view.broker}</dd>
            </div>
            <div>
              <dt>{text.privacy.thumbnails}</dt>
              <dd>{view.thumbnails ? text.privacy.thumbnailsOn : text.privacy.thumbnailsOff}</dd>
            </div>
          </dl>
        </div>
      </section>
      <div class="two-columns">
        <section class="card">
          <h2>{text.privacy.left}</h2>
          {left.length === 0 && <p class="muted">{text.privacy.leftNone}</p>}
          <ul class="ledger" data-testid="left">
            {left.map((one) => (
              <li key={`${one.kind} ${one.where}`}>
                <p class="ledger-head">
                  <strong>{text.privacy.kinds[one.kind]?.[0] ?? one.kind}</strong>
                  <span>{bytes(one.bytes, language)}</span>
                </p>
                <Bar share={total === 0 ? 0 : one.bytes / total} tone="gold" />
                <p class="small">{text.privacy.kinds[one.kind]?.[1] ?? one.what}</p>
                <p class="muted small">
                  <code>{one.where}</code>
                </p>
                <p class="muted small">
                  {text.privacy.messages(integer(one.messages, language))}
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
        </section>
        <section class="card">
          <h2>{text.privacy.kept}</h2>
          {view.kept.length === 0 && <p class="muted">{text.privacy.keptNone}</p>}
          <ul class="ledger" data-testid="kept">
            {view.kept.map((one) => (
              <li key={one.kind}>
                <p class="ledger-head">
                  <strong>{text.privacy.kinds[one.kind]?.[0] ?? one.kind}</strong>
                  <span>{bytes(one.bytes, language)}</span>
                </p>
                <p class="small">{text.privacy.kinds[one.kind]?.[1] ?? one.what}</p>
                <p class="muted small ledger-foot">
                  {text.privacy.items(integer(one.count, language))}
                  <span class={`tag ${one.sealed ? 'good' : ''}`}>
                    {one.sealed && <Icon name="lock" />}
                    {one.sealed ? text.privacy.sealed : text.privacy.notSealed}
                  </span>
                </p>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}
