import { useApp, useStore, useText } from '../context.js';
import { EventList } from '../live/event-list.js';
import { FirstTask } from '../live/first-task.js';
import { QuietSources } from '../live/quiet-sources.js';
import { SourceCard } from '../live/source-card.js';
import { TrainingBanner } from '../live/training-banner.js';
import { Empty } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { Loading } from '../parts/loading.js';
import { hrefOf } from '../routes.js';

/** What the device sees and answers right now, and where it is taught. */
export function LivePage() {
  const { store, api, actions } = useApp();
  const overview = useStore((state) => state.overview);
  const teaching = useStore((state) => state.teaching);
  // Redrawn when a source sends for the first time, not with every frame.
  const sending = useStore((state) => Object.keys(state.frames).sort().join('\n')).split('\n');
  const text = useText();
  if (overview === null) return <Loading />;
  const { sources, tasks, activeTask } = overview;
  if (sources.length === 0) {
    return (
      <Empty title={text.live.noSources} testId="no-sources">
        <p class="muted">{text.live.noSourcesHint}</p>
        <a class="button" href={hrefOf({ page: 'settings' })}>
          {text.nav.settings}
        </a>
      </Empty>
    );
  }
  // A folder of labelled pictures is learned from and shows nothing.
  const seen = sources.length === 1 ? sources : sources.filter(({ source }) => sending.includes(source));
  if (teaching !== null || tasks.length === 0) return <FirstTask overview={overview} />;
  return (
    <>
      <header class="page-head">
        <h1>{text.live.title}</h1>
        <label class="inline-field">
          <span class="wide-only">{text.live.activeTask}</span>
          <select
            value={activeTask ?? ''}
            aria-label={text.live.activeTask}
            data-testid="active-task"
            onChange={({ currentTarget: { value } }) =>
              void actions.attempt(api.active(value === '' ? null : value))
            }
          >
            <option value="">{text.live.auto}</option>
            {tasks.map(({ task }) => (
              <option key={task} value={task}>
                {task}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="button"
          aria-label={text.live.newTask}
          title={text.live.newTask}
          data-testid="new-task"
          onClick={() => store.set({ teaching: { task: null } })}
        >
          <Icon name="plus" />
          <span class="wide-only">{text.live.newTask}</span>
        </button>
      </header>
      <TrainingBanner overview={overview} />
      <div class={`sources ${seen.length > 1 ? 'many' : ''}`}>
        {seen.map((source) => (
          <SourceCard key={source.source} source={source} overview={overview} />
        ))}
      </div>
      <QuietSources sources={sources.filter((one) => !seen.includes(one))} />
      <EventList />
    </>
  );
}
