import { useId } from 'preact/hooks';
import { useApp, useStore, useText } from '../context.js';
import type { Language } from '../format.js';
import { preferredLanguage } from '../i18n/languages.js';
import { Segmented } from '../parts/segmented.js';
import { chooseLanguage, chooseTheme } from '../preferences.js';
import type { Theme } from '../store.js';

/** Each language in itself, so that who does not read the present one finds theirs. */
const NAMES: Record<Language, string> = { en: 'English', ko: '한국어' };
const THEMES: Theme[] = ['auto', 'light', 'dark'];

/** Language and colours; this browser remembers them. */
export function PagePreferences() {
  const { store } = useApp();
  const text = useText();
  const id = useId();
  const chosen = useStore((state) => state.chosenLanguage);
  const theme = useStore((state) => state.theme);
  return (
    <section class="card stack">
      <h2>{text.settings.page}</h2>
      <div class="field">
        <label for={id}>{text.settings.language}</label>
        <select
          id={id}
          value={chosen ?? ''}
          data-testid="language"
          onChange={({ currentTarget: { value } }) =>
            chooseLanguage(store, value === '' ? null : (value as Language))
          }
        >
          <option value="">
            {text.settings.languageAuto(NAMES[preferredLanguage(navigator.languages)])}
          </option>
          {Object.entries(NAMES).map(([language, name]) => (
            <option key={language} value={language} lang={language}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <span class="field-name">{text.settings.theme}</span>
        <Segmented
          label={text.settings.theme}
          value={theme}
          options={THEMES.map((value) => ({ value, name: text.settings.themes[value] }))}
          onPick={(value) => chooseTheme(store, value)}
        />
      </div>
    </section>
  );
}
