import { useEffect, useState } from 'preact/hooks';
import { useApp, useStore, useText } from './context.js';
import { eventText } from './i18n/event-text.js';
import { LiveStream } from './live-stream.js';
import { LivePage } from './pages/live.js';
import { LoginPage } from './pages/login.js';
import { PrivacyPage } from './pages/privacy.js';
import { QuestionsPage } from './pages/questions.js';
import { SettingsPage } from './pages/settings.js';
import { TaskPage } from './pages/task.js';
import { TasksPage } from './pages/tasks.js';
import { Empty } from './parts/empty.js';
import { Loading } from './parts/loading.js';
import { Shell } from './parts/shell.js';
import { parseRoute, type Route } from './routes.js';

const RETRY_MS = 3000;
/** A training under way has its own place on the page. */
const SHOWN_OTHERWISE = ['training-started'];

/** Login, or the pages behind it. */
export function AppRoot() {
  const { store, api, actions } = useApp();
  const session = useStore((state) => state.session);
  const unreachable = useStore((state) => state.unreachable);
  const text = useText();
  useEffect(() => {
    if (session !== null) return;
    let timer: ReturnType<typeof setTimeout>;
    const ask = () =>
      api.refreshSession().catch((error: unknown) => {
        store.set({ unreachable: actions.explain(error) });
        timer = setTimeout(ask, RETRY_MS);
      });
    void ask();
    return () => clearTimeout(timer);
  }, [session === null]);
  if (session === null) {
    return (
      <main class="alone">
        {unreachable === null ? (
          <Loading />
        ) : (
          <Empty title={text.common.noAnswer}>
            <Loading />
          </Empty>
        )}
      </main>
    );
  }
  return session.state === 'open' ? <OpenPages /> : <LoginPage session={session} />;
}

function OpenPages() {
  const { store, api, actions } = useApp();
  const route = useRoute();
  useEffect(() => {
    const stream = new LiveStream(store, api, (event) => {
      if (SHOWN_OTHERWISE.includes(event.kind)) return;
      actions.tell(eventText(event, store.get().language).text, event.severity);
    });
    stream.start();
    return () => {
      stream.stop();
      store.set({ overview: null, frames: {}, events: [], connection: 'connecting', learned: null });
    };
  }, []);
  return (
    <Shell route={route}>
      <PageOf route={route} />
    </Shell>
  );
}

function PageOf({ route }: { route: Route }) {
  switch (route.page) {
    case 'live':
      return <LivePage />;
    case 'questions':
      return <QuestionsPage />;
    case 'tasks':
      return <TasksPage />;
    case 'task':
      return <TaskPage key={route.task} task={route.task} />;
    case 'privacy':
      return <PrivacyPage />;
    case 'settings':
      return <SettingsPage />;
  }
}

function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => {
      setHash(location.hash);
      window.scrollTo(0, 0);
    };
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  return parseRoute(hash);
}
