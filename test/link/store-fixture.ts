import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Outbox } from '../../src/link/outbox.js';
import { OUTBOX_SQL } from '../../src/link/outbox-sql.js';
import { RequestLog } from '../../src/link/request-log.js';
import { type Database, openDatabase } from '../../src/store/database.js';

/** A device's store on disk, as far as the link uses it; it can be closed and opened again. */
export class StoreFixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'lichen-link-'));
  readonly file = join(this.folder, 'device.db');
  readonly capBytes: number;
  database: Database;
  outbox: Outbox;
  requests: RequestLog;

  constructor(capBytes = 1_000_000) {
    this.capBytes = capBytes;
    this.database = openDatabase(this.file, [OUTBOX_SQL]);
    this.outbox = new Outbox(this.database, { capBytes });
    this.requests = new RequestLog(this.database);
  }

  /** What a restart of the device's program does to its store. */
  reopen(): void {
    this.database.close();
    this.database = openDatabase(this.file, [OUTBOX_SQL]);
    this.outbox = new Outbox(this.database, { capBytes: this.capBytes });
    this.requests = new RequestLog(this.database);
  }

  remove(): void {
    this.database.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
