import type { FrameView, Overview, PrivacyView, QueueView, RolledBack, TaskDetail } from './api.js';
import type { ListBody, SettingsView } from './settings-api.js';
import type { Teacher } from './teacher.js';

/** What the device's page shows and can do; the agent is behind it. */
export interface Desk {
  readonly teacher: Teacher;
  overview(): Overview;
  frames(): FrameView[];
  /** A picture that the device holds, as a JPEG. */
  picture(sample: string, size: 'small' | 'large'): Promise<Buffer | undefined>;
  queue(): Promise<QueueView>;
  /** @throws LichenError `task-exists`, `task-name-invalid` */
  createTask(task: string): void;
  /** @throws LichenError `task-unknown` */
  select(task: string | null): void;
  /** @throws LichenError `task-unknown` */
  task(task: string): TaskDetail;
  /** Begins a training. @throws LichenError `task-unknown`, `task-closed` */
  train(task: string): void;
  /** @throws LichenError as `VersionStore.rollback` does */
  rollback(task: string): Promise<RolledBack>;
  close(task: string): Promise<void>;
  /** Begins a look into a task. @throws LichenError `task-unknown` */
  study(task: string): void;
  privacy(): PrivacyView;
  settings(): SettingsView;
  /** @throws LichenError `setting-unknown`, `setting-not-here`, `config-invalid`, `settings-read-only` */
  set(key: string, value: string): SettingsView;
  /** @throws LichenError as `set`, and `settings-changed` */
  setList(body: ListBody): SettingsView;
}
