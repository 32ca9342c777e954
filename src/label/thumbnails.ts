import type { Database } from '../store/database.js';
import type { Sealed } from './sealed.js';
import { thumbnail } from './shown.js';

const placeOf = (sample: string) => `thumbnail ${sample}`;

/** Small pictures of the samples that are kept, for the owner's eyes; sealed. */
export class Thumbnails {
  private readonly database: Database;
  private readonly sealed: Sealed;

  constructor(database: Database, sealed: Sealed) {
    this.database = database;
    this.sealed = sealed;
  }

  /** Makes and keeps thumbnails of pictures, in one transaction. Pictures that cannot be shown are left out. */
  async add(pictures: readonly { sample: string; bytes: Uint8Array }[]): Promise<void> {
    const made = await Promise.all(
      pictures.map(async ({ sample, bytes }) => ({
        sample,
        small: await thumbnail(bytes).catch(() => undefined),
      })),
    );
    const insert = this.database.prepare('INSERT OR REPLACE INTO thumbnails (sample, content) VALUES (?, ?)');
    this.database.transaction(() => {
      for (const { sample, small } of made) {
        if (small) insert.run(sample, this.sealed.seal(placeOf(sample), small));
      }
    })();
  }

  /** A thumbnail's JPEG. */
  get(sample: string): Buffer | undefined {
    const row = this.database
      .prepare<{ content: Uint8Array }>('SELECT content FROM thumbnails WHERE sample = ?')
      .get(sample);
    return row && this.sealed.open(placeOf(sample), row.content)[0];
  }

  /** The samples that there is a thumbnail of. */
  samples(): Set<string> {
    const rows = this.database.prepare<{ sample: string }>('SELECT sample FROM thumbnails').all();
    return new Set(rows.map(({ sample }) => sample));
  }

  remove(sample: string): void {
    this.database.prepare('DELETE FROM thumbnails WHERE sample = ?').run(sample);
  }

  /** Deletes those of samples that are not kept any more. */
  prune(kept: (sample: string) => boolean): void {
    const gone = [...this.samples()].filter((sample) => !kept(sample));
    if (gone.length === 0) return;
    this.database.transaction(() => {
      for (const sample of gone) this.remove(sample);
    })();
  }

  stats(): { count: number; bytes: number } {
    return this.database
      .prepare<{ count: number; bytes: number }>(
        'SELECT COUNT(*) AS count, COALESCE(SUM(length(content)), 0) AS bytes FROM thumbnails',
      )
      .get()!;
  }
}
