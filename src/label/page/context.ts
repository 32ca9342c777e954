import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Actions } from './actions.js';
import type { ApiClient } from './api-client.js';
import type { Language } from './format.js';
import type { Dictionary } from './i18n/en.js';
import { dictionaries } from './i18n/languages.js';
import type { State, Store } from './store.js';

export interface App {
  store: Store<State>;
  api: ApiClient;
  actions: Actions;
}

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error('used outside of the app');
  return app;
}

/** A part of the state; draws anew when that part is another one. */
export function useStore<T>(select: (state: State) => T): T {
  const { store } = useApp();
  const value = select(store.get());
  const [, redraw] = useState({});
  useEffect(() => {
    let known = value;
    const check = () => {
      const now = select(store.get());
      if (!Object.is(now, known)) redraw({});
      known = now;
    };
    check();
    return store.subscribe(check);
  });
  return value;
}

export function useLanguage(): Language {
  return useStore((state) => state.language);
}

export function useText(): Dictionary {
  return dictionaries[useLanguage()];
}
