import { LichenError } from '../errors.js';
import type { Database } from '../store/database.js';

/** A message that waits for its address. */
export interface WaitingMessage {
  /** The same however often it is sent. */
  id: string;
  body: string;
  /** When it came; milliseconds since 1970. */
  at: number;
}

/** Seals what is written, so that it can be opened only where it was put. */
export interface Seal {
  seal(place: string, ...parts: readonly Uint8Array[]): Uint8Array;
  open(place: string, sealed: Uint8Array): Buffer[];
}

interface Row {
  id: string;
  at: number;
  content: Uint8Array;
}

const placeOf = (id: string) => `webhook/${id}`;

/**
 * The messages that no address has taken yet, on the disk: what waits when the program ends, be it by a power failure, is
 * sent after the next start. It has no bound of its own: each address bounds what waits for it.
 */
export class WebhookQueue {
  private readonly database: Database;
  private readonly seal: Seal;

  /** @param database a handle whose migrations included `WEBHOOK_SQL` */
  constructor(database: Database, seal: Seal) {
    this.database = database;
    this.seal = seal;
  }

  /**
   * What waits, by address and in order. What was for other addresses, or cannot be opened any more, is deleted.
   * @param addresses those that there still are
   */
  load(addresses: readonly string[]): Map<string, WaitingMessage[]> {
    const waiting = new Map(addresses.map((address) => [address, [] as WaitingMessage[]]));
    const rows = this.database
      .prepare<Row>('SELECT id, at, content FROM webhook_waiting ORDER BY number')
      .all();
    for (const { id, at, content } of rows) {
      const opened = this.opened(id, content);
      const own = opened && waiting.get(opened.address);
      if (own) own.push({ id, at, body: opened.body });
      else this.done(id);
    }
    return waiting;
  }

  /** Keeps a message; when this returns, it is committed. */
  keep(address: string, { id, at, body }: WaitingMessage): void {
    const content = this.seal.seal(placeOf(id), Buffer.from(address), Buffer.from(body));
    this.database
      .prepare('INSERT OR REPLACE INTO webhook_waiting (id, at, content) VALUES (?, ?, ?)')
      .run(id, at, content);
  }

  /** Deletes a message: it was taken, refused or given up. */
  done(id: string): void {
    this.database.prepare('DELETE FROM webhook_waiting WHERE id = ?').run(id);
  }

  private opened(id: string, content: Uint8Array): { address: string; body: string } | undefined {
    try {
      const [address, body] = this.seal.open(placeOf(id), content);
      return { address: address!.toString(), body: body!.toString() };
    } catch (error) {
      if (error instanceof LichenError) return undefined;
      throw error;
    }
  }
}
