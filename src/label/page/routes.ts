/** The page's addresses live behind the `#`, so that the server needs to know of one page only. */
export type Route =
  | { page: 'live' | 'questions' | 'tasks' | 'privacy' | 'settings' }
  | { page: 'task'; task: string };

const PLAIN = ['live', 'questions', 'tasks', 'privacy', 'settings'] as const;

/** What a hash such as `#/tasks/signs` shows; whatever is not known shows the live page. */
export function parseRoute(hash: string): Route {
  const [page, name] = hash.replace(/^#?\/?/, '').split('/');
  if (page === 'tasks' && name !== undefined && name !== '') return { page: 'task', task: decoded(name) };
  return { page: PLAIN.find((one) => one === page) ?? 'live' };
}

export function hrefOf(route: Route): string {
  return route.page === 'task' ? `#/tasks/${encodeURIComponent(route.task)}` : `#/${route.page}`;
}

/** A hash that a person typed may hold a lone `%`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
