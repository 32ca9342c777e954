import type { TaskView } from '../../api.js';
import { useApp, useLanguage, useStore, useText } from '../context.js';
import { bytes, integer, percent } from '../format.js';
import { TrainingBanner } from '../live/training-banner.js';
import { Bar } from '../parts/bar.js';
import { Empty } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { Loading } from '../parts/loading.js';
import { hrefOf } from '../routes.js';

/** All tasks, and the memory that they share. */
export function TasksPage() {
  const { store } = useApp();
  const text = useText();
  const language = useLanguage();
  const overview = useStore((state) => state.overview);
  if (overview === null) return <Loading />;
  const { tasks, replay } = overview;
  const teach = () => {
    store.set({ teaching: { task: null } });
    location.hash = hrefOf({ page: 'live' });
  };
  if (tasks.length === 0) {
    return (
      <Empty title={text.tasks.empty} testId="no-tasks">
        <p class="muted">{text.tasks.emptyHint}</p>
        <button type="button" class="button primary big" data-testid="new-task" onClick={teach}>
          {text.tasks.teach}
        </button>
      </Empty>
    );
  }
  return (
    <>
      <header class="page-head">
        <h1>{text.tasks.title}</h1>
        <button type="button" class="button" data-testid="new-task" onClick={teach}>
          <Icon name="plus" />
          {text.tasks.new}
        </button>
      </header>
      <TrainingBanner overview={overview} />
      <ul class="task-list">
        {tasks.map((task) => (
          <TaskCard key={task.task} task={task} active={overview.activeTask === task.task} />
        ))}
      </ul>
      <section class="card memory" data-testid="memory">
        <div class="card-head">
          <h2>{text.tasks.memory}</h2>
          <span class="muted">
            {text.tasks.memoryOf(bytes(replay.usedBytes, language), bytes(replay.capBytes, language))}
          </span>
        </div>
        <Bar share={replay.usedBytes / replay.capBytes} tone="sky" />
        <p class="muted small">
          {text.tasks.memoryText(integer(replay.samples, language), integer(replay.evicted, language))}
        </p>
      </section>
    </>
  );
}

function TaskCard({ task, active }: { task: TaskView; active: boolean }) {
  const text = useText();
  const language = useLanguage();
  return (
    <li>
      <a
        class="card task-card"
        href={hrefOf({ page: 'task', task: task.task })}
        data-testid={`task-${task.task}`}
      >
        <div class="task-card-main">
          <h2>
            {task.task}
            {task.closed && (
              <span class="tag closed">
                <Icon name="lock" />
                {text.tasks.closed}
              </span>
            )}
            {active && <span class="tag good">{text.tasks.active}</span>}
          </h2>
          <p class="muted small">
            {text.tasks.classes(integer(task.classes.length, language))} ·{' '}
            {text.tasks.samples(integer(task.samples, language))} ·{' '}
            {task.current === 'instant' ? text.live.instant : text.live.version(String(task.current))}
          </p>
        </div>
        <p class="figure">
          {task.accuracy === null ? (
            <span class="muted small">{text.tasks.noAccuracy}</span>
          ) : (
            <>
              <strong>{percent(task.accuracy, language, 1)}</strong>
              <span class="muted small">{text.tasks.accuracy}</span>
            </>
          )}
        </p>
        <Icon name="next" />
        {!task.closed && (
          <div class="task-card-progress">
            <Bar share={task.newLabels / task.labelsToTrain} tone="gold" />
            <span class="muted small">
              {text.tasks.untilTraining(
                integer(task.newLabels, language),
                integer(task.labelsToTrain, language),
              )}
            </span>
          </div>
        )}
      </a>
    </li>
  );
}
