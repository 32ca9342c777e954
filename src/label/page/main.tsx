import { render } from 'preact';
import { Actions } from './actions.js';
import { ApiClient } from './api-client.js';
import { AppRoot } from './app.js';
import { AppContext } from './context.js';
import { initialState, keepPreferences } from './preferences.js';
import { Store } from './store.js';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';
import './styles/login.css';
import './styles/live.css';
import './styles/questions.css';
import './styles/tasks.css';
import './styles/lists.css';
import './styles/setting-lists.css';

const store = new Store(initialState());
const api = new ApiClient(store);
const actions = new Actions(store, api);
keepPreferences(store);
render(
  <AppContext.Provider value={{ store, api, actions }}>
    <AppRoot />
  </AppContext.Provider>,
  document.getElementById('app')!,
);
