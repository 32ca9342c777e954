import type { MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import { messageOf } from '../errors.js';
import type { Outbox, OutboxMessage } from './outbox.js';

/** MQTT 5 reasons by which a broker says that it will never take this very message. */
const REFUSED_FOR_GOOD = new Map([
  [0x90, 'topic name invalid'],
  [0x95, 'packet too large'],
  [0x99, 'payload format invalid'],
]);

interface DrainOptions {
  client: MqttClient;
  outbox: Outbox;
  /** Messages that may be on their way at once, at least 1. */
  window: number;
  /** The largest packet that the broker takes; undefined when it did not say. */
  maximumPacketBytes: number | undefined;
  log: Logger;
}

/**
 * Sends the outbox over one connection, in order, with a bounded number of messages on their way. A message is
 * deleted from the outbox only when its PUBACK has come; what is on its way when the connection ends stays there
 * for the next one.
 */
export class Drain {
  private readonly options: DrainOptions;
  private readonly onTheirWay = new Set<number>();
  private acknowledged: number[] = [];
  private sent = 0;
  private stopped = false;

  constructor(options: DrainOptions) {
    this.options = options;
  }

  /** Sends what fits the window; to be called whenever the outbox has got a message. */
  pump(): void {
    const { outbox, window, log } = this.options;
    try {
      while (!this.stopped && this.onTheirWay.size < window) {
        const batch = outbox.after(this.sent, window - this.onTheirWay.size);
        if (batch.length === 0) return;
        for (const message of batch) this.send(message);
      }
    } catch (error) {
      log.error({ error: messageOf(error) }, 'could not read the outbox');
    }
  }

  /** Sends nothing more. Acknowledgements that still come are honoured. */
  stop(): void {
    this.stopped = true;
  }

  private send(message: OutboxMessage): void {
    const { client, maximumPacketBytes } = this.options;
    this.sent = message.seq;
    // 16 bytes are more than the fixed header, the lengths and the packet id take.
    const bytes = message.payload.length + Buffer.byteLength(message.topic) + 16;
    if (maximumPacketBytes !== undefined && bytes > maximumPacketBytes) {
      this.refuse(message, `packet too large: ${bytes} bytes, the broker takes ${maximumPacketBytes}`);
      return;
    }
    this.onTheirWay.add(message.seq);
    client.publish(message.topic, message.payload, { qos: message.qos, retain: message.retain }, (error) =>
      this.settle(message, error ?? undefined),
    );
  }

  private settle(message: OutboxMessage, error: Error | undefined): void {
    this.onTheirWay.delete(message.seq);
    if (error === undefined) {
      this.acknowledged.push(message.seq);
      // The PUBACKs of one read are settled together: one commit, not one each.
      if (this.acknowledged.length === 1) setImmediate(() => this.forget());
      return;
    }
    const reason = REFUSED_FOR_GOOD.get('code' in error && typeof error.code === 'number' ? error.code : -1);
    if (reason !== undefined) {
      this.refuse(message, reason);
      this.pump();
    } else if (!this.stopped && this.options.client.connected) {
      // Refused for now (not authorized, quota): kept, and tried again over a new connection after a delay.
      this.options.log.warn({ topic: message.topic, error: messageOf(error) }, 'broker refused a message');
      this.stop();
      this.options.client.end(true);
    }
  }

  private forget(): void {
    const seqs = this.acknowledged;
    this.acknowledged = [];
    try {
      this.options.outbox.remove(seqs);
    } catch (error) {
      // They stay, and are sent again over the next connection; the hub drops doubles.
      this.options.log.error({ error: messageOf(error) }, 'could not delete acknowledged messages');
    }
    this.pump();
  }

  private refuse(message: OutboxMessage, reason: string): void {
    const { outbox, log } = this.options;
    log.error({ topic: message.topic, seq: message.seq, reason }, 'message dropped: the broker refuses it');
    try {
      outbox.drop([message.seq]);
    } catch (error) {
      log.error({ error: messageOf(error) }, 'could not delete a refused message');
    }
  }
}
