import type { Store } from '../store/store.js';

/**
 * Bytes of the replay memory's cap that are not samples: the learners' states, and the columns that a new column grows
 * beside.
 * @param except a learner, or a task, whose part is left out, for it is about to be replaced
 */
export function bytesKeptForLearning(
  { learnerStates, tasks, versions }: Pick<Store, 'learnerStates' | 'tasks' | 'versions'>,
  except: { learner?: string; task?: string } = {},
): number {
  const states = learnerStates.list().filter(({ learner }) => learner !== except.learner);
  const columns = tasks.list().flatMap(({ name }) => {
    const current = name === except.task ? undefined : versions.current(name);
    return current?.isolation === 'pnn' ? [{ bytes: current.adapterBytes }] : [];
  });
  return [...states, ...columns].reduce((sum, { bytes }) => sum + bytes, 0);
}
