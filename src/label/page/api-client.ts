import type {
  ErrorBody,
  Labelled,
  PrivacyView,
  QueueView,
  RecordingBody,
  RecordingView,
  Removed,
  RolledBack,
  SessionView,
  Skipped,
  TaskDetail,
} from '../api.js';
import type { ListBody, SettingsView } from '../settings-api.js';
import type { State, Store } from './store.js';

/** What the device refused, in its words. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** Of settings that are refused: which ones, and why. */
  readonly problems: NonNullable<ErrorBody['error']['problems']>;

  constructor(status: number, { code, message, problems = [] }: ErrorBody['error']) {
    super(message);
    this.status = status;
    this.code = code;
    this.problems = problems;
  }
}

/** The device did not answer at all. */
export class Unreachable extends Error {}

/** Asks the device's server. A 401 anywhere shows the login page. */
export class ApiClient {
  private readonly store: Store<State>;

  constructor(store: Store<State>) {
    this.store = store;
  }

  /** Asks anew who is logged in. */
  async refreshSession(): Promise<SessionView> {
    const session = await this.call<SessionView>('GET', '/api/session');
    this.store.set({ session, unreachable: null });
    return session;
  }

  async firstPassword(password: string): Promise<void> {
    this.store.set({ session: await this.call<SessionView>('POST', '/api/session/first', { password }) });
  }

  async login(password: string): Promise<void> {
    this.store.set({ session: await this.call<SessionView>('POST', '/api/session', { password }) });
  }

  async logout(): Promise<void> {
    await this.call('DELETE', '/api/session');
    await this.refreshSession();
  }

  async changePassword(before: string, password: string): Promise<void> {
    await this.call('POST', '/api/session/password', { before, password });
    await this.refreshSession();
  }

  queue = () => this.call<QueueView>('GET', '/api/queue');
  task = (task: string) => this.call<TaskDetail>('GET', `/api/tasks/${encodeURIComponent(task)}`);
  privacy = () => this.call<PrivacyView>('GET', '/api/privacy');
  settings = () => this.call<SettingsView>('GET', '/api/settings');

  label = (sample: string, task: string, label: string) =>
    this.call<Labelled>('POST', '/api/labels', { sample, task, label });
  skip = (sample: string) => this.call<Skipped>('POST', `/api/queue/${sample}/skip`, {});
  bad = (sample: string) => this.call<Skipped>('POST', `/api/queue/${sample}/bad`, {});
  remove = (sample: string) => this.call<Removed>('DELETE', `/api/samples/${sample}`);
  undo = (id: number) => this.call('POST', '/api/undo', { id });
  record = (body: RecordingBody) => this.call<RecordingView>('POST', '/api/recording', body);
  stopRecording = () => this.call('DELETE', '/api/recording');
  active = (task: string | null) => this.call('POST', '/api/active', { task });
  newTask = (task: string) => this.call('POST', '/api/tasks', { task });
  train = (task: string) => this.onTask(task, 'train');
  close = (task: string) => this.onTask(task, 'close');
  study = (task: string) => this.onTask(task, 'study');
  rollback = (task: string) => this.onTask<RolledBack>(task, 'rollback');
  setting = (key: string, value: string) => this.call<SettingsView>('PUT', '/api/settings', { key, value });
  settingList = (body: ListBody) => this.call<SettingsView>('PUT', '/api/settings/list', body);

  private onTask<T = unknown>(task: string, verb: string): Promise<T> {
    return this.call<T>('POST', `/api/tasks/${encodeURIComponent(task)}/${verb}`, {});
  }

  private async call<T = unknown>(method: string, path: string, body?: object): Promise<T> {
    try {
      return await this.once<T>(method, path, body);
    } catch (error) {
      // Another tab logged in anew: its session is this one's, too, but the token of before is worth nothing.
      const stale = error instanceof ApiError && error.status === 403 && error.code === 'request-invalid';
      if (!stale || (await this.refreshSession()).state !== 'open') throw error;
      return this.once<T>(method, path, body);
    }
  }

  private async once<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const csrf = this.store.get().session?.csrf;
    if (method !== 'GET' && csrf !== undefined) headers['x-csrf-token'] = csrf;
    let response: Response;
    try {
      response = await fetch(path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: 'no-store',
      });
    } catch (cause) {
      throw new Unreachable(String(cause));
    }
    const text = await response.text();
    const answer: unknown = text === '' ? null : parsed(text);
    if (response.ok) return answer as T;
    const error = (answer as ErrorBody | null)?.error ?? {
      code: `http-${response.status}`,
      message: `${response.status} ${response.statusText}`,
    };
    if (response.status === 401) await this.refreshSession();
    throw new ApiError(response.status, error);
  }
}

/** A proxy in between may answer with a page of its own. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
