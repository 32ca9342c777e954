import type { Language } from './format.js';
import { preferredLanguage } from './i18n/languages.js';
import type { State, Store, Theme } from './store.js';

const LANGUAGE = 'lichen.language';
const THEME = 'lichen.theme';

/** The state as the page is opened, with what this browser remembers. */
export function initialState(): State {
  const chosen = recall(LANGUAGE);
  const theme = recall(THEME);
  const chosenLanguage = chosen === 'en' || chosen === 'ko' ? chosen : null;
  return {
    session: null,
    unreachable: null,
    connection: 'connecting',
    overview: null,
    frames: {},
    events: [],
    toasts: [],
    learned: null,
    teaching: null,
    chosenLanguage,
    language: chosenLanguage ?? preferredLanguage(navigator.languages),
    theme: theme === 'light' || theme === 'dark' ? theme : 'auto',
  };
}

/** Keeps the document in the language and the colours of the state. */
export function keepPreferences(store: Store<State>): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const { language, theme, overview, session } = store.get();
    document.documentElement.lang = language;
    document.documentElement.dataset.theme = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme;
    const device = overview?.device ?? session?.device;
    document.title = device === undefined ? 'Lichen' : `${device} – Lichen`;
  };
  store.subscribe(apply);
  dark.addEventListener('change', apply);
  apply();
}

export function chooseLanguage(store: Store<State>, chosenLanguage: Language | null): void {
  remember(LANGUAGE, chosenLanguage);
  store.set({ chosenLanguage, language: chosenLanguage ?? preferredLanguage(navigator.languages) });
}

export function chooseTheme(store: Store<State>, theme: Theme): void {
  remember(THEME, theme === 'auto' ? null : theme);
  store.set({ theme });
}

/** A browser may forbid storage; then a preference lasts as long as the page. */
function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Nothing to do: the preference was applied already.
  }
}
