import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { messageOf } from '../errors.js';
import { Backoff } from '../link/backoff.js';
import { brokerOf, explainFailure } from '../link/broker-address.js';
import { connectMqtt } from '../link/connect-mqtt.js';
import { Random } from '../random.js';

/** Given a message: its topic, its payload, and whether the broker had kept it from before. */
export type Receive = (topic: string, payload: Buffer, retained: boolean) => void;

/** Messages of other programs on a broker. */
export interface Feed {
  /**
   * Receives what is published on topics; filters may have + and #.
   * @param onFailed told why the broker cannot be listened to, at every failed attempt
   * @returns ends the subscription
   */
  subscribe(filter: string, receive: Receive, onFailed?: (reason: string) => void): () => void;
}

export interface FeedOptions {
  /** mqtt://host:port or mqtts://host:port. */
  url: string;
  username?: string;
  password?: string;
  protocol: 4 | 5;
  /** The connection's client id begins with it. */
  device: string;
  /** Delay before the first and the later attempts; milliseconds. */
  backoff: { minMs: number; maxMs: number };
  seed: number;
}

interface Subscription {
  filter: string;
  receive: Receive;
  onFailed: ((reason: string) => void) | undefined;
}

/**
 * A connection to a broker for what sources listen to, apart from the device's own reports. It is made with the first
 * subscription, made again with growing delays, and ended with the last one.
 */
export class MqttFeed implements Feed {
  private readonly options: FeedOptions;
  private readonly broker: string;
  private readonly backoff: Backoff;
  private readonly subscriptions = new Set<Subscription>();
  private client: MqttClient | undefined;
  private next: NodeJS.Timeout | undefined;

  /** @throws LichenError `link-url-invalid` */
  constructor(options: FeedOptions) {
    this.options = options;
    this.broker = brokerOf(options.url);
    this.backoff = new Backoff({ ...options.backoff, random: new Random(options.seed) });
  }

  subscribe(filter: string, receive: Receive, onFailed?: (reason: string) => void): () => void {
    const subscription = { filter, receive, onFailed };
    this.subscriptions.add(subscription);
    if (this.client?.connected) this.ask(this.client, filter);
    else if (!this.client && !this.next) this.open();
    return () => {
      this.subscriptions.delete(subscription);
      if (this.subscriptions.size === 0) this.close();
    };
  }

  private open(): void {
    const { url, username, password, protocol, device } = this.options;
    this.next = undefined;
    const client = connectMqtt(url, {
      protocolVersion: protocol,
      username,
      password,
      // Another than the reports' one, which a broker would end for it.
      clientId: `lichen-${device}-sources-${randomUUID().slice(0, 8)}`,
      clean: true,
      keepalive: 30,
      // Attempts are made here, with growing delays.
      reconnectPeriod: 0,
      resubscribe: false,
    });
    this.client = client;
    client.on('error', (error) => this.failed(explainFailure(this.broker, protocol, error)));
    client.on('message', (topic, payload, { retain }) => this.received(topic, payload, retain));
    client.on('connect', () => {
      this.backoff.reset();
      for (const filter of new Set([...this.subscriptions].map((s) => s.filter))) this.ask(client, filter);
    });
    client.on('close', () => this.lost(client));
  }

  private ask(client: MqttClient, filter: string): void {
    client.subscribeAsync(filter, { qos: 1 }).catch((error: unknown) => {
      if (client === this.client) this.failed(`${this.broker} refuses ${filter}: ${messageOf(error)}`);
    });
  }

  private received(topic: string, payload: Buffer, retained: boolean): void {
    for (const { filter, receive } of this.subscriptions) {
      if (matches(filter, topic)) receive(topic, payload, retained);
    }
  }

  private failed(reason: string): void {
    for (const { onFailed } of this.subscriptions) onFailed?.(reason);
  }

  private lost(client: MqttClient): void {
    if (client !== this.client) return;
    this.client = undefined;
    client.end(true);
    this.next = setTimeout(() => this.open(), this.backoff.next());
  }

  private close(): void {
    clearTimeout(this.next);
    this.next = undefined;
    const client = this.client;
    this.client = undefined;
    client?.end(true);
  }
}

/** Whether a topic is one that a filter names (MQTT 3.1.1, section 4.7). */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const found = topic.split('/');
  // What a broker tells of itself is no part of # and +.
  if (topic.startsWith('$') && /^[#+]/.test(filter)) return false;
  for (const [i, part] of wanted.entries()) {
    if (part === '#') return true;
    if (found[i] === undefined || (part !== '+' && part !== found[i])) return false;
  }
  return wanted.length === found.length;
}
