import { useState } from 'preact/hooks';
import type { TaskDetail } from '../../api.js';
import { useApp, useLanguage, useStore, useText } from '../context.js';
import { integer, percent } from '../format.js';
import { TrainingBanner } from '../live/training-banner.js';
import { Confirm } from '../parts/confirm.js';
import { Empty } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { Loading } from '../parts/loading.js';
import { hrefOf } from '../routes.js';
import { Confusion } from '../task/confusion.js';
import { Doubtful } from '../task/doubtful.js';
import { Examples } from '../task/examples.js';
import { History } from '../task/history.js';
import { Study } from '../task/study.js';
import { useTask } from '../task/use-task.js';
import { Versions } from '../task/versions.js';

/** Everything about one task. */
export function TaskPage({ task }: { task: string }) {
  const text = useText();
  const overview = useStore((state) => state.overview);
  const { detail, failed, reload } = useTask(task);
  if (failed !== null && detail === null) {
    return (
      <Empty title={failed}>
        <a class="button" href={hrefOf({ page: 'tasks' })}>
          {text.tasks.title}
        </a>
      </Empty>
    );
  }
  if (detail === null || overview === null) return <Loading />;
  return (
    <>
      <TaskHead detail={detail} training={overview.training?.task === task} reload={reload} />
      {!detail.closed && <TrainingBanner overview={overview} task={task} />}
      {detail.closed && (
        <p class="note info">
          <Icon name="lock" />
          {text.task.closedText}
        </p>
      )}
      <div class="task-grid">
        <Study detail={detail} reload={reload} />
        <History detail={detail} />
        <Examples detail={detail} reload={reload} />
        {detail.study && <Doubtful study={detail.study} task={task} closed={detail.closed} reload={reload} />}
        {detail.study?.confusion && <Confusion confusion={detail.study.confusion} />}
        <Versions detail={detail} reload={reload} />
      </div>
    </>
  );
}

interface HeadProps {
  detail: TaskDetail;
  training: boolean;
  reload: () => void;
}

function TaskHead({ detail, training, reload }: HeadProps) {
  const { api, actions } = useApp();
  const text = useText();
  const language = useLanguage();
  const [closing, setClosing] = useState(false);
  const { task, accuracy, closed, samples, classes } = detail;
  return (
    <header class="task-head">
      <a class="button ghost round" href={hrefOf({ page: 'tasks' })} aria-label={text.common.back}>
        <Icon name="back" />
      </a>
      <div class="task-title">
        <h1>{task}</h1>
        <p class="muted small">
          {text.tasks.classes(integer(classes.length, language))} ·{' '}
          {text.tasks.samples(integer(samples, language))} · {detail.isolation}
        </p>
      </div>
      <p class="figure" data-testid="accuracy">
        <strong>{accuracy === null ? '–' : percent(accuracy, language, 1)}</strong>
        <span class="muted small">{accuracy === null ? text.tasks.noAccuracy : text.tasks.accuracy}</span>
      </p>
      {!closed && (
        <div class="row task-tools">
          <button
            type="button"
            class="button primary"
            data-testid="train"
            disabled={training}
            onClick={async () => {
              if ((await actions.attempt(api.train(task).then(() => true))) !== undefined)
                actions.tell(text.task.trainAsked);
            }}
          >
            <Icon name="spark" />
            {training ? text.task.training : text.task.train}
          </button>
          <button type="button" class="button" data-testid="close-task" onClick={() => setClosing(true)}>
            <Icon name="lock" />
            {text.task.close}
          </button>
        </div>
      )}
      {closing && (
        <Confirm
          title={text.task.closeTitle(task)}
          explanation={text.task.closeText}
          action={text.task.closeConfirm}
          danger
          onClose={() => setClosing(false)}
          onConfirm={async () => {
            await actions.attempt(api.close(task));
            reload();
          }}
        />
      )}
    </header>
  );
}
