import { createHash } from 'node:crypto';
import { LichenError } from '../errors.js';
import type { PackManifest } from '../pack/manifest.js';
import type { Database } from '../store/database.js';
import type { PackReader } from './pack-reader.js';
import type { PackView } from './views.js';

interface PackRow {
  id: string;
  bytes: number;
  verified: number;
  manifest: string;
  uploaded_at: number;
}

const COLUMNS = 'id, length(content) AS bytes, verified, manifest, uploaded_at';

/** The packs that were uploaded to the hub, by the SHA-256 of their bytes. */
export class Packs {
  private readonly database: Database;
  private readonly reader: PackReader;

  constructor(database: Database, reader: PackReader) {
    this.database = database;
    this.reader = reader;
  }

  /**
   * Keeps a pack; the same bytes again change nothing.
   * @throws LichenError `pack-...` when it cannot be read or is not trusted.
   */
  add(content: Uint8Array, now: number): PackView {
    const { manifest, verified } = this.reader.read(content);
    const id = createHash('sha256').update(content).digest('hex');
    this.database
      .prepare(
        'INSERT OR IGNORE INTO packs (id, content, verified, manifest, uploaded_at) VALUES (?, ?, ?, ?, ?)',
      )
      .run(id, content, Number(verified), JSON.stringify(manifest), now);
    return this.find(id);
  }

  /** The newest first. */
  list(): PackView[] {
    return this.database
      .prepare<PackRow>(`SELECT ${COLUMNS} FROM packs ORDER BY uploaded_at DESC, id`)
      .all()
      .map(packView);
  }

  /** @throws LichenError `pack-unknown`. */
  find(id: string): PackView {
    const row = this.database.prepare<PackRow>(`SELECT ${COLUMNS} FROM packs WHERE id = ?`).get(id);
    if (row !== undefined) return packView(row);
    throw new LichenError('pack-unknown', `No pack with the id ${id} was uploaded to this hub.`);
  }

  /** The pack's bytes. @throws LichenError `pack-unknown`. */
  content(id: string): Buffer {
    this.find(id);
    const row = this.database
      .prepare<{ content: Uint8Array }>('SELECT content FROM packs WHERE id = ?')
      .get(id);
    return Buffer.from(row!.content);
  }
}

function packView({ id, bytes, verified, manifest, uploaded_at }: PackRow): PackView {
  return {
    id,
    bytes,
    verified: verified === 1,
    manifest: JSON.parse(manifest) as PackManifest,
    uploadedAt: new Date(uploaded_at).toISOString(),
  };
}
