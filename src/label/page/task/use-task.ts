import { useEffect, useState } from 'preact/hooks';
import type { TaskDetail } from '../../api.js';
import { useApp, useStore } from '../context.js';

/** How often is looked whether a study is done. */
const STUDY_MS = 1500;

/** A task's details, asked anew when the live stream says that the task has changed. */
export function useTask(task: string): {
  detail: TaskDetail | null;
  failed: string | null;
  reload: () => void;
} {
  const { api, actions } = useApp();
  const [detail, setDetail] = useState<TaskDetail | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const changes = useStore(({ overview }) => {
    const now = overview?.tasks.find((one) => one.task === task);
    return (
      now && [now.samples, now.current, now.closed, now.accuracy, overview?.training?.task === task].join()
    );
  });
  useEffect(() => {
    let stale = false;
    api.task(task).then(
      (answer) => {
        if (stale) return;
        setDetail(answer);
        setFailed(null);
      },
      (error: unknown) => {
        if (!stale) setFailed(actions.explain(error));
      },
    );
    return () => {
      stale = true;
    };
  }, [task, changes, round]);
  const reload = () => setRound((one) => one + 1);
  useEffect(() => {
    if (detail?.studying !== true) return;
    const timer = setTimeout(reload, STUDY_MS);
    return () => clearTimeout(timer);
  }, [detail]);
  return { detail, failed, reload };
}
