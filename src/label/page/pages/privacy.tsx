import { useEffect, useState } from 'preact/hooks';
import type { ServedPlace } from '../../../link/served.js';
import type { PrivacyView } from '../../api.js';
import { useApp, useLanguage, useText } from '../context.js';
import { bytes, integer, moment } from '../format.js';
import { Icon } from '../parts/icon.js';
import { Loading } from '../parts/loading.js';
import { LeftList } from '../privacy/left-list.js';

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
  const served = view.served.reduce((sum, one) => sum + one.bytes, 0);
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
        <div class="stacked">
          <section class="card">
            <h2>{text.privacy.left}</h2>
            {view.left.length === 0 && <p class="muted">{text.privacy.leftNone}</p>}
            <LeftList
              testId="left"
              left={view.left}
              place={(where) => <code>{where}</code>}
              count={text.privacy.messages}
            />
          </section>
          <section class="card">
            <h2>{text.privacy.served}</h2>
            <p class="muted small">
              {served === 0 ? text.privacy.servedNone : text.privacy.servedLead(bytes(served, language))}
            </p>
            <LeftList
              testId="served"
              left={view.served}
              place={(where) => text.privacy.places[where as ServedPlace]}
              count={text.privacy.answers}
            />
          </section>
        </div>
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
