import type { AdapterBody, MetricsBody, StateBody } from '../link/schemas.js';
import type { Database } from '../store/database.js';
import type { History } from './history.js';
import type { Rejections } from './rejections.js';
import type { DeviceView, TaskView, TotalsView } from './views.js';

interface DeviceRow {
  id: string;
  state: StateBody['state'];
  since: number;
  boot: number;
  birth: string | null;
  metrics: string | null;
  metrics_at: number | null;
  first_seen: number;
  last_seen: number;
  accepted: number;
  doubles: number;
}

/** Reads what the hub shows of its devices. */
export class DeviceViews {
  private readonly database: Database;
  private readonly history: History;
  private readonly rejections: Rejections;

  constructor(database: Database, history: History, rejections: Rejections) {
    this.database = database;
    this.history = history;
    this.rejections = rejections;
  }

  /** All devices, by name. */
  all(): DeviceView[] {
    return this.database
      .prepare<DeviceRow>('SELECT * FROM devices ORDER BY id')
      .all()
      .map((row) => this.view(row));
  }

  one(device: string): DeviceView | undefined {
    const row = this.database.prepare<DeviceRow>('SELECT * FROM devices WHERE id = ?').get(device);
    return row === undefined ? undefined : this.view(row);
  }

  totals(): TotalsView {
    const sums = this.database
      .prepare<Omit<TotalsView, 'rejected'>>(
        `SELECT COUNT(*) AS devices, COALESCE(SUM(state = 'online'), 0) AS online,
          COALESCE(SUM(accepted), 0) AS accepted, COALESCE(SUM(doubles), 0) AS doubles FROM devices`,
      )
      .get();
    const none = { devices: 0, online: 0, accepted: 0, doubles: 0 };
    return { ...(sums ?? none), rejected: this.rejections.total() };
  }

  private view(row: DeviceRow): DeviceView {
    const metrics = row.metrics === null ? null : (JSON.parse(row.metrics) as MetricsBody);
    return {
      device: row.id,
      state: row.state,
      since: iso(row.since),
      boot: row.boot,
      firstSeen: iso(row.first_seen),
      lastSeen: iso(row.last_seen),
      birth: row.birth === null ? null : (JSON.parse(row.birth) as DeviceView['birth']),
      metrics:
        metrics === null ? null : { ...omit(metrics, 'tasks'), at: iso(row.metrics_at ?? row.last_seen) },
      tasks: this.tasks(row.id, metrics),
      messages: { accepted: row.accepted, doubles: row.doubles, rejected: this.rejections.total(row.id) },
    };
  }

  /** Every task that the device names in its newest metrics, then those that it only announced an adapter for. */
  private tasks(device: string, metrics: MetricsBody | null): TaskView[] {
    const measured = new Map((metrics?.tasks ?? []).map((task) => [task.task, omit(task, 'task')]));
    const adapters = new Map(
      this.database
        .prepare<{ body: string }>('SELECT body FROM adapters WHERE device = ? ORDER BY task')
        .all(device)
        .map(({ body }) => JSON.parse(body) as AdapterBody)
        .map((adapter) => [adapter.task, omit(adapter, 'task')]),
    );
    return [...new Set([...measured.keys(), ...adapters.keys()])].map((task) => ({
      task,
      metrics: measured.get(task) ?? null,
      adapter: adapters.get(task) ?? null,
      lastResult: this.history.results(device, task, 1)[0] ?? null,
      curve: this.history.curve(device, task),
    }));
  }
}

function omit<T extends object, K extends keyof T>(whole: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = whole;
  return rest;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
