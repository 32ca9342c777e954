import { useEffect, useId, useState } from 'preact/hooks';
import type { RowChange, SettingsView } from '../../settings-api.js';
import { ApiError } from '../api-client.js';
import { useApp, useLanguage, useText } from '../context.js';
import { integer } from '../format.js';
import { Icon } from '../parts/icon.js';
import { Loading } from '../parts/loading.js';
import { About } from '../settings/about.js';
import { ListSetting, type Refused } from '../settings/list/list-setting.js';
import { PagePreferences } from '../settings/page-preferences.js';
import { Password } from '../settings/password.js';
import { groupSettings, matchSettings } from '../settings/search.js';
import { Setting } from '../settings/setting.js';

/** The page's own preferences, the password, and every setting of the device. */
export function SettingsPage() {
  const { api, actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const searchId = useId();
  const [view, setView] = useState<SettingsView | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const [query, setQuery] = useState('');
  useEffect(() => {
    api.settings().then(setView, (error: unknown) => setFailed(actions.explain(error)));
  }, []);
  const save = async (key: string, value: string): Promise<string | null> => {
    try {
      setView(await api.setting(key, value));
      actions.tell(text.settings.saved(key));
      return null;
    } catch (error) {
      return actions.explain(error);
    }
  };
  const saveList = async (key: string, rows: RowChange[]): Promise<Refused | null> => {
    try {
      setView(await api.settingList({ key, rows, stamp: view?.stamp ?? '' }));
      actions.tell(text.settings.saved(key));
      return null;
    } catch (error) {
      const problems = error instanceof ApiError ? error.problems : [];
      return { message: actions.explain(error), problems };
    }
  };
  const found = view === null ? [] : matchSettings(view.settings, query, language);
  return (
    <>
      <header class="page-head">
        <h1>{text.settings.title}</h1>
        <button
          type="button"
          class="button"
          data-testid="logout"
          onClick={() => void actions.attempt(api.logout())}
        >
          <Icon name="logout" />
          {text.login.logout}
        </button>
      </header>
      {view?.restartNeeded && (
        <p class="note warning" role="status" data-testid="restart-needed">
          <Icon name="warning" />
          {text.settings.restart}
        </p>
      )}
      <div class="settings-top">
        <PagePreferences />
        <Password />
        <About />
      </div>
      <section class="device-settings">
        <div class="card-head">
          <h2>{text.settings.device}</h2>
          {view !== null && (
            <span class="muted small" aria-live="polite">
              {text.settings.found(integer(found.length, language))}
            </span>
          )}
        </div>
        {failed !== null && <p class="note error">{failed}</p>}
        {view === null && failed === null && <Loading />}
        {view !== null && (
          <>
            {view.readOnly !== null ? (
              <p class="note info">
                <Icon name="lock" />
                {text.settings.readOnly[view.readOnly]}
              </p>
            ) : (
              view.file !== null && (
                <p class="muted small">
                  {text.settings.file} <code>{view.file}</code>
                </p>
              )
            )}
            <div class="search">
              <label class="visually-hidden" for={searchId}>
                {text.settings.search}
              </label>
              <Icon name="search" />
              <input
                id={searchId}
                type="search"
                placeholder={text.settings.search}
                value={query}
                data-testid="settings-search"
                onInput={(event) => setQuery(event.currentTarget.value)}
              />
            </div>
            {found.length === 0 && <p class="muted">{text.settings.none}</p>}
            {groupSettings(found).map(({ group, settings }) => (
              <section key={group} class="card setting-group">
                <h3>{group === '' ? text.settings.general : group}</h3>
                {settings.map((setting) =>
                  setting.list !== null ? (
                    <ListSetting
                      key={setting.key}
                      setting={setting}
                      list={setting.list}
                      readOnly={view.readOnly !== null}
                      onSave={saveList}
                    />
                  ) : (
                    <Setting
                      key={`${setting.key} ${setting.value}`}
                      setting={setting}
                      readOnly={view.readOnly !== null}
                      onSave={save}
                    />
                  ),
                )}
              </section>
            ))}
          </>
        )}
      </section>
    </>
  );
}
