import { randomBytes } from 'node:crypto';
import type { Database } from '../store/database.js';

/** Counted for each message on top of its topic and payload: the row's other columns and its index entries. */
const ROW_OVERHEAD = 96;

export interface OutboxMessage {
  seq: number;
  topic: string;
  payload: Buffer;
  qos: 0 | 1;
  retain: boolean;
}

export interface OutboxStats {
  messages: number;
  bytes: number;
  /** Messages lost since the store was created, because the cap was reached or a broker refused them for good. */
  dropped: number;
}

interface MessageRow {
  seq: number;
  topic: string;
  payload: Uint8Array;
  qos: number;
  retain: number;
}

/** A message to be stored. */
export interface OutboxDraft {
  topic: string;
  /** Writes the payload once its sequence number is known. */
  payload: (seq: number) => Uint8Array;
  retain: boolean;
  /** Droppable messages go first when the outbox is full. */
  droppable: boolean;
}

/**
 * The messages of a device that no broker has acknowledged yet, in order, on disk, under a cap in bytes.
 *
 * A message's sequence number is stored with it; numbers only grow for as long as the store lives, over restarts
 * and over deletions. When the cap is reached the oldest droppable messages go first (metrics, results), then the
 * oldest of the others; each is counted. Only one process writes an outbox at a time.
 */
export class Outbox {
  /** Names the counter of sequence numbers: drawn once for each store. */
  readonly store: string;
  readonly capBytes: number;
  private readonly database: Database;
  private last: number;
  private messages: number;
  private bytes: number;
  private dropped: number;

  /** @param database a handle whose migrations included `OUTBOX_SQL`. */
  constructor(database: Database, options: { capBytes: number }) {
    this.database = database;
    this.capBytes = options.capBytes;
    this.store = this.meta('store') ?? this.setMeta('store', randomBytes(8).toString('hex'));
    this.dropped = Number(this.meta('dropped') ?? 0);
    this.last = this.number("SELECT seq AS value FROM sqlite_sequence WHERE name = 'outbox'");
    this.messages = this.number('SELECT COUNT(*) AS value FROM outbox');
    this.bytes = this.number('SELECT COALESCE(SUM(bytes), 0) AS value FROM outbox');
  }

  /** The highest sequence number given so far; 0 before the first. */
  get lastSeq(): number {
    return this.last;
  }

  get stats(): OutboxStats {
    return { messages: this.messages, bytes: this.bytes, dropped: this.dropped };
  }

  /**
   * Stores a message; when this returns, it is committed.
   * @returns its sequence number, or undefined when the cap left no room for it and it was dropped itself.
   */
  add(draft: OutboxDraft): number | undefined {
    const seq = this.last + 1;
    const payload = Buffer.from(draft.payload(seq));
    const size = payload.length + Buffer.byteLength(draft.topic) + ROW_OVERHEAD;
    const victims = this.victims(size, draft.droppable);
    if (victims === undefined) {
      this.setMeta('dropped', String(this.dropped + 1));
      this.dropped += 1;
      return undefined;
    }
    this.database.transaction(() => {
      this.erase(victims.seqs);
      if (victims.seqs.length > 0) this.setMeta('dropped', String(this.dropped + victims.seqs.length));
      this.database
        .prepare(
          'INSERT INTO outbox (seq, topic, payload, qos, retain, droppable, bytes, at) VALUES (?, ?, ?, 1, ?, ?, ?, ?)',
        )
        .run(seq, draft.topic, payload, draft.retain ? 1 : 0, draft.droppable ? 1 : 0, size, Date.now());
    })();
    this.last = seq;
    this.messages += 1 - victims.seqs.length;
    this.bytes += size - victims.bytes;
    this.dropped += victims.seqs.length;
    return seq;
  }

  /** The oldest messages after a sequence number, at most `limit`. */
  after(seq: number, limit: number): OutboxMessage[] {
    const rows = this.database
      .prepare<MessageRow>(
        'SELECT seq, topic, payload, qos, retain FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?',
      )
      .all(seq, limit);
    return rows.map(({ payload, qos, retain, ...row }) => ({
      ...row,
      payload: Buffer.from(payload),
      qos: qos === 0 ? 0 : 1,
      retain: retain === 1,
    }));
  }

  /** Whether a message for this topic waits. */
  holds(topic: string): boolean {
    return this.database.prepare('SELECT seq FROM outbox WHERE topic = ? LIMIT 1').get(topic) !== undefined;
  }

  /** Deletes messages that were acknowledged, in one transaction. Numbers that are not there are ignored. */
  remove(seqs: readonly number[]): void {
    this.settle(seqs, false);
  }

  /** Deletes messages that the broker will never take, and counts them as dropped. */
  drop(seqs: readonly number[]): void {
    this.settle(seqs, true);
  }

  private settle(seqs: readonly number[], lost: boolean): void {
    const size = this.database.prepare<{ bytes: number }>('SELECT bytes FROM outbox WHERE seq = ?');
    const found = seqs.flatMap((seq) => size.all(seq).map(({ bytes }) => ({ seq, bytes })));
    if (found.length === 0) return;
    this.database.transaction(() => {
      this.erase(found.map(({ seq }) => seq));
      if (lost) this.setMeta('dropped', String(this.dropped + found.length));
    })();
    this.messages -= found.length;
    this.bytes -= found.reduce((sum, { bytes }) => sum + bytes, 0);
    if (lost) this.dropped += found.length;
  }

  /** Which messages must go so that `size` bytes fit; undefined when the new message itself must. */
  private victims(size: number, droppable: boolean): { seqs: number[]; bytes: number } | undefined {
    const seqs: number[] = [];
    let bytes = 0;
    const excess = this.bytes + size - this.capBytes;
    if (excess <= 0) return { seqs, bytes };
    if (size > this.capBytes) return undefined;
    const rows = this.database
      .prepare<{ seq: number; bytes: number }>(
        'SELECT seq, bytes FROM outbox WHERE droppable >= ? ORDER BY droppable DESC, seq LIMIT ?',
      )
      .all(droppable ? 1 : 0, Math.ceil(excess / ROW_OVERHEAD));
    for (const row of rows) {
      if (bytes >= excess) break;
      seqs.push(row.seq);
      bytes += row.bytes;
    }
    if (bytes < excess) return undefined;
    return { seqs, bytes };
  }

  private erase(seqs: readonly number[]): void {
    const statement = this.database.prepare('DELETE FROM outbox WHERE seq = ?');
    for (const seq of seqs) statement.run(seq);
  }

  private number(sql: string): number {
    return this.database.prepare<{ value: number }>(sql).get()?.value ?? 0;
  }

  private meta(key: string): string | undefined {
    return this.database.prepare<{ value: string }>('SELECT value FROM outbox_meta WHERE key = ?').get(key)
      ?.value;
  }

  private setMeta(key: string, value: string): string {
    this.database.prepare('INSERT OR REPLACE INTO outbox_meta (key, value) VALUES (?, ?)').run(key, value);
    return value;
  }
}
