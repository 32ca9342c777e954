import type { AdapterBody, Envelope, EventBody, ReportOf, StateBody } from '../link/schemas.js';
import type { Database } from '../store/database.js';
import type { Statement } from '../store/statement.js';
import type { History } from './history.js';
import { comparePlaces, type Place } from './order.js';

/** A report as it came in, its kind beside it. */
export type Report =
  | { kind: 'state'; body: ReportOf<'state'> }
  | { kind: 'metrics'; body: ReportOf<'metrics'> }
  | { kind: 'result'; body: ReportOf<'result'> }
  | { kind: 'event'; body: ReportOf<'event'> }
  | { kind: 'adapter'; body: ReportOf<'adapter'> }
  | { kind: 'response'; body: ReportOf<'response'> };

interface DeviceRow {
  id: string;
  state: StateBody['state'];
  since: number;
  boot: number;
  store: string;
  mark_boot: number;
  mark_seq: number;
}

/**
 * Writes down what devices report.
 *
 * A device sends each message at least once. Metrics, results and events are taken once: each device has a mark,
 * the place (boot, seq) of the newest one taken, and what is not after it is a double. State, adapter and response
 * messages may repeat; the newest wins.
 */
export class Registry {
  private readonly database: Database;
  private readonly history: History;
  // Compiled once: these run for every message.
  private readonly findDevice: Statement<DeviceRow>;
  private readonly moveMark: Statement<unknown>;
  private readonly count: Readonly<Record<'accepted' | 'double', Statement<unknown>>>;

  constructor(database: Database, history: History) {
    this.database = database;
    this.history = history;
    this.findDevice = database.prepare<DeviceRow>(
      'SELECT id, state, since, boot, store, mark_boot, mark_seq FROM devices WHERE id = ?',
    );
    this.moveMark = database.prepare('UPDATE devices SET mark_boot = ?, mark_seq = ? WHERE id = ?');
    this.count = {
      accepted: database.prepare('UPDATE devices SET accepted = accepted + 1, last_seen = ? WHERE id = ?'),
      double: database.prepare('UPDATE devices SET doubles = doubles + 1, last_seen = ? WHERE id = ?'),
    };
  }

  /** Takes a report, in the caller's transaction. `now` is in milliseconds since 1970. */
  accept(report: Report, now: number): 'accepted' | 'double' {
    const { body } = report;
    const device = this.known(body, now);
    const outcome = this.apply(device, report, now);
    this.count[outcome].run(now, device.id);
    return outcome;
  }

  isKnown(device: string): boolean {
    return this.row(device) !== undefined;
  }

  isOnline(device: string): boolean {
    return this.row(device)?.state === 'online';
  }

  /** What the device says that a task runs. */
  adapter(device: string, task: string): AdapterBody | undefined {
    const row = this.database
      .prepare<{ body: string }>('SELECT body FROM adapters WHERE device = ? AND task = ?')
      .get(device, task);
    return row === undefined ? undefined : (JSON.parse(row.body) as AdapterBody);
  }

  /** Every device counts as offline until its next birth: for a hub that starts and has no connection yet. */
  forgetConnections(now: number): void {
    this.database.prepare("UPDATE devices SET state = 'offline', since = ? WHERE state = 'online'").run(now);
  }

  private row(device: string): DeviceRow | undefined {
    return this.findDevice.get(device);
  }

  /** The sender's row; a first message of any kind makes a device known, and so does a new store its counters. */
  private known(envelope: Envelope, now: number): DeviceRow {
    const found = this.row(envelope.device);
    if (found?.store === envelope.store) return found;
    if (found === undefined) {
      this.database
        .prepare(
          "INSERT INTO devices (id, state, since, boot, store, mark_boot, mark_seq, first_seen, last_seen) VALUES (?, 'offline', ?, 0, ?, 0, 0, ?, ?)",
        )
        .run(envelope.device, now, envelope.store, now, now);
    } else {
      // Another card, or a card written anew: its numbers start again.
      this.database
        .prepare('UPDATE devices SET store = ?, boot = 0, mark_boot = 0, mark_seq = 0 WHERE id = ?')
        .run(envelope.store, envelope.device);
      this.database.prepare('UPDATE adapters SET boot = 0, seq = 0 WHERE device = ?').run(envelope.device);
      const message = `${envelope.device} reports from another store: its card was written anew, or two devices have this id; give each its own device.id`;
      this.history.addEvent(
        envelope.device,
        { kind: 'store-changed', severity: 'warning', message },
        now,
        null,
      );
    }
    return this.row(envelope.device)!;
  }

  private apply(device: DeviceRow, report: Report, now: number): 'accepted' | 'double' {
    switch (report.kind) {
      case 'state':
        return this.applyState(device, report.body, now);
      case 'adapter':
        return this.applyAdapter(device, report.body);
      case 'response':
        return 'accepted';
      default:
        if (!this.advance(device, report.body)) return 'double';
        this.applyStream(device.id, report);
        return 'accepted';
    }
  }

  private applyState(device: DeviceRow, body: ReportOf<'state'>, now: number): 'accepted' | 'double' {
    const { state, versions, profile, capabilities, boot, seq } = body;
    // The will of an earlier start of the program, come late.
    if (state === 'offline' && boot < device.boot) return 'double';
    const mark = { boot: device.mark_boot, seq: device.mark_seq };
    if (state === 'online' && comparePlaces({ boot, seq }, mark) < 0) {
      // The store was put back to an earlier copy: what this start of the program sends is new, though numbered low.
      this.moveMark.run(boot, 0, device.id);
      this.database.prepare('UPDATE adapters SET boot = 0, seq = 0 WHERE device = ?').run(device.id);
    }
    this.database
      .prepare('UPDATE devices SET state = ?, since = ?, boot = ?, birth = ? WHERE id = ?')
      .run(
        state,
        state === device.state ? device.since : now,
        boot,
        JSON.stringify({ versions, profile, capabilities }),
        device.id,
      );
    if (state !== device.state || boot !== device.boot) {
      const event: EventBody = { kind: state, severity: 'info', message: `${state} (start ${boot})` };
      this.history.addEvent(device.id, event, now, null);
    }
    return 'accepted';
  }

  private applyAdapter(device: DeviceRow, body: ReportOf<'adapter'>): 'accepted' | 'double' {
    const last = this.database
      .prepare<Place>('SELECT boot, seq FROM adapters WHERE device = ? AND task = ?')
      .get(device.id, body.task);
    if (last !== undefined && comparePlaces(body, last) < 0) return 'double';
    this.database
      .prepare(
        'INSERT OR REPLACE INTO adapters (device, task, boot, seq, sha256, body) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(device.id, body.task, body.boot, body.seq, body.sha256, JSON.stringify(withoutEnvelope(body)));
    return 'accepted';
  }

  private applyStream(
    device: string,
    report: Extract<Report, { kind: 'metrics' | 'result' | 'event' }>,
  ): void {
    const at = Date.parse(report.body.at);
    if (report.kind === 'event') {
      this.history.addEvent(device, report.body, at, report.body);
    } else if (report.kind === 'result') {
      this.history.addResult(device, report.body, at);
    } else {
      this.database
        .prepare('UPDATE devices SET metrics = ?, metrics_at = ? WHERE id = ?')
        .run(JSON.stringify(withoutEnvelope(report.body)), at, device);
      for (const task of report.body.tasks) this.history.addPoint(device, task, at);
    }
  }

  /** Moves the mark up to a message; false when the message is not after it. */
  private advance(device: DeviceRow, place: Place): boolean {
    if (comparePlaces(place, { boot: device.mark_boot, seq: device.mark_seq }) <= 0) return false;
    this.moveMark.run(place.boot, place.seq, device.id);
    return true;
  }
}

/** A report's own fields, as they are kept. */
function withoutEnvelope<T extends Envelope>(report: T): Omit<T, keyof Envelope> {
  const { v, device, store, boot, seq, at, ...body } = report;
  return body;
}
