import type { PackManifest } from '../pack/manifest.js';
import type { Database } from '../store/database.js';
import type { Registry } from './registry.js';
import type { Answer } from './requests.js';
import type { InstallView } from './views.js';

interface InstallRow {
  id: number;
  pack: string;
  device: string;
  state: InstallView['state'];
  message: string | null;
  sent_at: number;
  answered_at: number | null;
  manifest: string;
}

const SELECT = `SELECT installs.id, pack, device, state, message, sent_at, answered_at, manifest
  FROM installs JOIN packs ON packs.id = installs.pack`;

/**
 * Every attempt to install a pack on a device, and what became of it. That a device answered `ok` is not success:
 * success is that the device says, in its adapter message, that the task runs the pack's adapter. It is looked up
 * when it is shown, so it ends when the device rolls back.
 */
export class InstallLog {
  private readonly database: Database;
  private readonly registry: Registry;

  constructor(database: Database, registry: Registry) {
    this.database = database;
    this.registry = registry;
  }

  /** Notes an attempt before it is sent. @returns its number. */
  begin(pack: string, device: string, transaction: string, now: number): number {
    return this.database
      .prepare("INSERT INTO installs (pack, device, request, state, sent_at) VALUES (?, ?, ?, 'sent', ?)")
      .run(pack, device, transaction, now).lastInsertRowid;
  }

  /** Records a device's response if it answers an install, in the caller's transaction; also a late one. */
  record(device: string, answer: Answer, now: number): void {
    if (answer.transaction === null) return;
    const [state, message] = answer.status === 'ok' ? ['answered', null] : ['refused', answer.error.message];
    this.database
      .prepare('UPDATE installs SET state = ?, message = ?, answered_at = ? WHERE request = ? AND device = ?')
      .run(state, message, now, answer.transaction, device);
  }

  /** Nobody waits for this attempt's answer any more. */
  giveUp(id: number): void {
    this.database.prepare("UPDATE installs SET state = 'unanswered' WHERE id = ? AND state = 'sent'").run(id);
  }

  /**
   * Nobody waits for the answers of any but these attempts: of others a hub that was ended could not note it, nor one whose
   * disk was full.
   */
  giveUpBut(waiting: readonly number[] = []): void {
    this.database
      .prepare(
        "UPDATE installs SET state = 'unanswered' WHERE state = 'sent' AND id NOT IN (SELECT value FROM json_each(?))",
      )
      .run(JSON.stringify(waiting));
  }

  /** The states of every attempt with this pack on this device. */
  attempts(pack: string, device: string): InstallView['state'][] {
    return this.database
      .prepare<{ state: InstallView['state'] }>('SELECT state FROM installs WHERE pack = ? AND device = ?')
      .all(pack, device)
      .map(({ state }) => state);
  }

  one(id: number): InstallView | undefined {
    const row = this.database.prepare<InstallRow>(`${SELECT} WHERE installs.id = ?`).get(id);
    return row === undefined ? undefined : this.view(row);
  }

  /** The newest attempts, newest first. */
  list(limit: number): InstallView[] {
    return this.database
      .prepare<InstallRow>(`${SELECT} ORDER BY installs.id DESC LIMIT ?`)
      .all(limit)
      .map((row) => this.view(row));
  }

  private view(row: InstallRow): InstallView {
    const { task, version, adapter } = JSON.parse(row.manifest) as PackManifest;
    return {
      id: row.id,
      pack: row.pack,
      device: row.device,
      task,
      version,
      state: row.state,
      serving: this.registry.adapter(row.device, task)?.sha256 === adapter.sha256,
      message: row.message,
      sentAt: new Date(row.sent_at).toISOString(),
      answeredAt: row.answered_at === null ? null : new Date(row.answered_at).toISOString(),
    };
  }
}
