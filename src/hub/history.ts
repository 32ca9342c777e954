import type { EventBody, ResultBody, TaskMetrics } from '../link/schemas.js';
import type { Database } from '../store/database.js';
import type { Statement } from '../store/statement.js';
import type { HubConfig } from './config.js';
import type { Place } from './order.js';
import type { EventView, PointView, ResultView } from './views.js';

interface EventRow {
  id: number;
  device: string;
  origin: EventView['origin'];
  at: number;
  kind: string;
  severity: EventBody['severity'];
  message: string;
  data: string | null;
}

/** Events, results and accuracy over time, each bounded in number: the oldest go first. */
export class History {
  private readonly database: Database;
  private readonly keep: HubConfig['keep'];
  // Compiled once: these run for every message.
  private readonly insertEvent: Statement<unknown>;
  private readonly trimEvents: Statement<unknown>;
  private readonly insertResult: Statement<unknown>;
  private readonly trimResults: Statement<unknown>;

  constructor(database: Database, keep: HubConfig['keep']) {
    this.database = database;
    this.keep = keep;
    this.insertEvent = database.prepare(
      'INSERT INTO events (device, origin, at, kind, severity, message, data, boot, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.trimEvents = database.prepare(
      'DELETE FROM events WHERE device = ?1 AND id <= (SELECT id FROM events WHERE device = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)',
    );
    this.insertResult = database.prepare(
      'INSERT INTO results (device, task, at, label, probability, sample, source, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.trimResults = database.prepare(trimOfTask('results'));
  }

  /** @param place of the device's message; null for an event that the hub noticed itself. */
  addEvent(device: string, event: EventBody, at: number, place: Place | null): void {
    const { kind, severity, message, data } = event;
    this.insertEvent.run(
      device,
      place === null ? 'hub' : 'device',
      at,
      kind,
      severity,
      message,
      data === undefined ? null : JSON.stringify(data),
      place?.boot ?? null,
      place?.seq ?? null,
    );
    this.trimEvents.run(device, this.keep.events);
  }

  /** The newest events, newest first; of one device, or of all. */
  events(limit: number, device?: string): EventView[] {
    const of = device === undefined ? '' : 'WHERE device = ?2';
    const values = device === undefined ? [limit] : [limit, device];
    return this.database
      .prepare<EventRow>(
        `SELECT id, device, origin, at, kind, severity, message, data FROM events ${of} ORDER BY id DESC LIMIT ?1`,
      )
      .all(...values)
      .map(eventView);
  }

  /** The newest events after a number, oldest first. */
  eventsAfter(id: number, limit: number): EventView[] {
    return this.database
      .prepare<EventRow>(
        'SELECT id, device, origin, at, kind, severity, message, data FROM events WHERE id > ? ORDER BY id DESC LIMIT ?',
      )
      .all(id, limit)
      .map(eventView)
      .reverse();
  }

  addResult(device: string, result: ResultBody, at: number): void {
    const { task, label, probability, sample, source, version } = result;
    this.insertResult.run(device, task, at, label, probability, sample, source, String(version));
    this.trimResults.run(device, task, this.keep.results);
  }

  /** The newest results of a task, newest first. */
  results(device: string, task: string, limit: number): ResultView[] {
    return this.database
      .prepare<Omit<ResultView, 'at' | 'version'> & { at: number; version: string }>(
        'SELECT at, label, probability, sample, source, version FROM results WHERE device = ? AND task = ? ORDER BY id DESC LIMIT ?',
      )
      .all(device, task, limit)
      .map((row) => ({ ...row, at: iso(row.at), version: served(row.version) }));
  }

  /** Notes a task's accuracy if it, the samples or the version differ from the point before. */
  addPoint(device: string, metrics: TaskMetrics, at: number): void {
    const { task, samples, accuracyHeldOut, current } = metrics;
    if (accuracyHeldOut === null) return;
    const last = this.database
      .prepare<{ samples: number; accuracy: number; version: string }>(
        'SELECT samples, accuracy, version FROM points WHERE device = ? AND task = ? ORDER BY id DESC LIMIT 1',
      )
      .get(device, task);
    const version = String(current);
    if (last?.samples === samples && last.accuracy === accuracyHeldOut && last.version === version) return;
    this.database
      .prepare('INSERT INTO points (device, task, at, samples, accuracy, version) VALUES (?, ?, ?, ?, ?, ?)')
      .run(device, task, at, samples, accuracyHeldOut, version);
    this.database.prepare(trimOfTask('points')).run(device, task, this.keep.points);
  }

  /** A task's accuracy over time, oldest first. */
  curve(device: string, task: string): PointView[] {
    return this.database
      .prepare<{ at: number; samples: number; accuracy: number }>(
        'SELECT at, samples, accuracy FROM points WHERE device = ? AND task = ? ORDER BY id',
      )
      .all(device, task)
      .map((row) => ({ ...row, at: iso(row.at) }));
  }
}

/** Deletes what is older than the newest rows of a task. */
function trimOfTask(table: 'results' | 'points'): string {
  return `DELETE FROM ${table} WHERE device = ?1 AND task = ?2 AND id <=
    (SELECT id FROM ${table} WHERE device = ?1 AND task = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)`;
}

function eventView(row: EventRow): EventView {
  const { data, at, ...rest } = row;
  return {
    ...rest,
    at: iso(at),
    ...(data === null ? {} : { data: JSON.parse(data) as Record<string, unknown> }),
  };
}

function served(version: string): ResultBody['version'] {
  return version === 'instant' ? 'instant' : Number(version);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
