import type { Database } from '../store/database.js';
import type { RejectionView } from './views.js';

/** Messages that the hub did not take: counted by device and reason, with the newest as an example. */
export class Rejections {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** @param device undefined where no device is known by the name in the topic, so that names cannot pile up. */
  add(device: string | undefined, code: string, topic: string, message: string, now: number): void {
    this.database
      .prepare(
        `INSERT INTO rejections (device, code, count, topic, message, at) VALUES (?, ?, 1, ?, ?, ?)
          ON CONFLICT (device, code) DO UPDATE SET
            count = count + 1, topic = excluded.topic, message = excluded.message, at = excluded.at`,
      )
      .run(device ?? '', code, topic.slice(0, 256), message.slice(0, 1024), now);
  }

  /** How many there were; from one device, or from all. */
  total(device?: string): number {
    const of = device === undefined ? '' : 'WHERE device = ?';
    const row = this.database
      .prepare<{ total: number }>(`SELECT COALESCE(SUM(count), 0) AS total FROM rejections ${of}`)
      .get(...(device === undefined ? [] : [device]));
    return row?.total ?? 0;
  }

  /** By reason, the newest first. */
  list(): RejectionView[] {
    return this.database
      .prepare<Omit<RejectionView, 'device' | 'at'> & { device: string; at: number }>(
        'SELECT device, code, count, topic, message, at FROM rejections ORDER BY at DESC, code',
      )
      .all()
      .map((row) => ({
        ...row,
        device: row.device === '' ? null : row.device,
        at: new Date(row.at).toISOString(),
      }));
  }
}
