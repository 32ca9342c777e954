import type { ComponentChildren } from 'preact';
import { useStore, useText } from '../context.js';
import { hrefOf, type Route } from '../routes.js';
import { Icon, type IconName } from './icon.js';
import { Rosette } from './rosette.js';
import { Toasts } from './toasts.js';
import { UndoBar } from './undo-bar.js';

const TABS = ['live', 'questions', 'tasks', 'privacy', 'settings'] as const satisfies IconName[];

/** Where something is done that can be undone; the questions have their own button for it, among the others. */
const UNDOING: Route['page'][] = ['live', 'tasks', 'task'];

/** What is around every page: tabs below on a phone, beside on a desk; the connection; messages; undo. */
export function Shell({ route, children }: { route: Route; children: ComponentChildren }) {
  const text = useText();
  const device = useStore((state) => state.overview?.device ?? state.session?.device ?? '');
  const waiting = useStore((state) => state.overview?.queue.waiting ?? 0);
  const connection = useStore((state) => state.connection);
  const current = route.page === 'task' ? 'tasks' : route.page;
  return (
    <div class="shell" data-connection={connection}>
      <button type="button" class="skip-link button" onClick={() => document.getElementById('main')?.focus()}>
        {text.nav.skip}
      </button>
      <nav class="tabs" aria-label={text.nav.label}>
        <div class="brand">
          <Rosette size={30} />
          <span class="brand-name">{device}</span>
        </div>
        <ul>
          {TABS.map((tab) => (
            <li key={tab}>
              <a
                href={hrefOf({ page: tab })}
                class="tab"
                aria-current={tab === current ? 'page' : undefined}
                data-testid={`tab-${tab}`}
              >
                <span class="tab-icon">
                  <Icon name={tab} />
                  {tab === 'questions' && waiting > 0 && (
                    <span class="badge">
                      <span aria-hidden="true">{waiting > 99 ? '99+' : waiting}</span>
                      <span class="visually-hidden">{text.nav.waiting(String(waiting))}</span>
                    </span>
                  )}
                </span>
                <span class="tab-name">{text.nav[tab]}</span>
              </a>
            </li>
          ))}
        </ul>
        <p class="link-state" data-testid="connection" data-state={connection}>
          {connection === 'lost' ? text.connection.lost.split('.')[0] : text.connection[connection]}
        </p>
      </nav>
      <div class="column">
        <div role="alert" class="alert-place">
          {connection === 'lost' && (
            <p class="lost" data-testid="connection-lost">
              <Icon name="warning" />
              {text.connection.lost}
            </p>
          )}
        </div>
        <main id="main" tabIndex={-1} data-page={route.page}>
          {children}
        </main>
      </div>
      <Toasts />
      {UNDOING.includes(route.page) && <UndoBar />}
    </div>
  );
}
