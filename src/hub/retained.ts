import type { StateBody } from '../link/schemas.js';
import { parseTopic } from '../link/topics.js';
import type { Database } from '../store/database.js';

export interface RetainedMessage {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
}

/** Larger retained messages are the broker's only, and end with its process. */
const MAX_BYTES = 256 * 1024;

/** The broker's retained messages, in the hub's database: a broker that starts again still has them. */
export class Retained {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Keeps the newest message of a topic; an empty one deletes it, as MQTT says. */
  put(message: RetainedMessage): void {
    if (message.payload.length === 0) {
      this.database.prepare('DELETE FROM retained WHERE topic = ?').run(message.topic);
    } else if (message.payload.length <= MAX_BYTES) {
      this.database
        .prepare('INSERT OR REPLACE INTO retained (topic, payload, qos) VALUES (?, ?, ?)')
        .run(message.topic, message.payload, message.qos);
    }
  }

  all(): RetainedMessage[] {
    return this.database
      .prepare<{ topic: string; payload: Uint8Array; qos: number }>(
        'SELECT topic, payload, qos FROM retained ORDER BY topic',
      )
      .all()
      .map(({ topic, payload, qos }) => ({
        topic,
        payload: Buffer.from(payload),
        qos: qos === 0 ? 0 : qos === 1 ? 1 : 2,
      }));
  }

  /**
   * Turns every device's retained state to offline. The wills of an earlier broker process died with it, so until
   * a device's next birth this is what is known.
   */
  forgetConnections(): void {
    for (const message of this.all()) {
      if (stateTopic(message.topic)) {
        const state = JSON.parse(message.payload.toString()) as StateBody;
        this.put({ ...message, payload: Buffer.from(JSON.stringify({ ...state, state: 'offline' })) });
      }
    }
  }
}

/** Only messages that fit their schema are kept, so what is kept under a state topic is a state. */
function stateTopic(topic: string): boolean {
  return parseTopic(topic)?.kind === 'state';
}
