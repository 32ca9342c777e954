import type { Database } from '../store/database.js';
import type { Card, QueueCounts } from './api.js';
import type { Candidate } from './candidates.js';
import type { Sealed } from './sealed.js';

/** What became of a question. */
export type Outcome = 'labelled' | 'skipped' | 'bad';

interface QuestionRow {
  sample: string;
  source: string;
  at: number;
  reason: Card['reason'];
  answer: string | null;
  weak: string | null;
}

/** How many of the newest questions are remembered, so that none is asked twice. */
const REMEMBERED = 2000;
const DAY_MS = 24 * 3600 * 1000;

/** The questions to the owner, on the disk: those that wait with their pictures, those that are settled without. */
export class Questions {
  private readonly database: Database;
  private readonly sealed: Sealed;
  private readonly looks = new Map<string, Float32Array>();

  constructor(database: Database, sealed: Sealed) {
    this.database = database;
    this.sealed = sealed;
    const rows = database
      .prepare<{ sample: string; look: Uint8Array }>('SELECT sample, look FROM questions ORDER BY asked_at')
      .all();
    for (const { sample, look } of rows) this.looks.set(sample, this.lookFrom(sample, look));
  }

  /** How the pictures look that were asked about. */
  asked(): Float32Array[] {
    return [...this.looks.values()];
  }

  /** Asks. */
  add({ sample, source, at, reason, answer, weak, latent, look, picture }: Candidate, askedAt: number): void {
    const bytes = new Uint8Array(look.buffer, look.byteOffset, look.byteLength);
    this.database
      .prepare(
        `INSERT OR REPLACE INTO questions (sample, source, at, asked_at, reason, answer, weak, state, look, content)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)`,
      )
      .run(
        sample,
        source,
        at,
        askedAt,
        reason,
        answer && JSON.stringify(answer),
        weak && JSON.stringify(weak),
        this.sealed.seal(`look ${sample}`, bytes),
        this.sealed.seal(`question ${sample}`, latent, picture),
      );
    this.looks.set(sample, look);
    this.forgetOld();
  }

  /** Those that wait, the newest first. */
  waiting(): Omit<QuestionRow, never>[] {
    return this.database
      .prepare<QuestionRow>(
        `SELECT sample, source, at, reason, answer, weak FROM questions WHERE state = 'waiting' ORDER BY asked_at DESC, sample`,
      )
      .all();
  }

  /** What is kept of a question while it waits. */
  content(sample: string): { latent: Uint8Array; picture: Buffer; source: string } | undefined {
    const row = this.database
      .prepare<{ content: Uint8Array | null; source: string }>(
        'SELECT content, source FROM questions WHERE sample = ?',
      )
      .get(sample);
    if (!row?.content) return undefined;
    const [latent, picture] = this.sealed.open(`question ${sample}`, row.content);
    return { latent: new Uint8Array(latent!), picture: picture!, source: row.source };
  }

  /** Settles a question; its picture is deleted. Returns whether it waited. */
  settle(sample: string, outcome: Outcome): boolean {
    return (
      this.database
        .prepare(`UPDATE questions SET state = ?, content = NULL WHERE sample = ? AND state = 'waiting'`)
        .run(outcome, sample).changes > 0
    );
  }

  /** Asks again what was settled. */
  reopen(sample: string, latent: Uint8Array, picture: Uint8Array): void {
    this.database
      .prepare(`UPDATE questions SET state = 'waiting', content = ? WHERE sample = ?`)
      .run(this.sealed.seal(`question ${sample}`, latent, picture), sample);
  }

  /** Lets go of questions that waited too long. */
  expire(before: number): void {
    const old = this.database
      .prepare<{ sample: string }>(`SELECT sample FROM questions WHERE state = 'waiting' AND asked_at < ?`)
      .all(before);
    for (const { sample } of old) this.settle(sample, 'skipped');
  }

  counts(now: number): Pick<QueueCounts, 'waiting' | 'asked'> {
    const count = (where: string, ...values: number[]) =>
      this.database
        .prepare<{ n: number }>(`SELECT COUNT(*) AS n FROM questions WHERE ${where}`)
        .get(...values)!.n;
    return { waiting: count(`state = 'waiting'`), asked: count('asked_at > ?', now - DAY_MS) };
  }

  /** Bytes of what waits, as it lies on the disk. */
  bytes(): number {
    return this.database
      .prepare<{ n: number }>('SELECT COALESCE(SUM(length(content)), 0) AS n FROM questions')
      .get()!.n;
  }

  private forgetOld(): void {
    if (this.looks.size <= REMEMBERED) return;
    const [oldest] = this.looks.keys();
    this.looks.delete(oldest!);
    this.database.prepare('DELETE FROM questions WHERE sample = ?').run(oldest!);
  }

  private lookFrom(sample: string, sealed: Uint8Array): Float32Array {
    const [bytes] = this.sealed.open(`look ${sample}`, sealed);
    return new Float32Array(new Uint8Array(bytes!).buffer);
  }
}
