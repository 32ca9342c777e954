import { Socket } from 'node:net';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import { messageOf } from '../errors.js';
import { Random } from '../random.js';
import { Backoff } from './backoff.js';
import { brokerOf, explainFailure } from './broker-address.js';
import { connectMqtt } from './connect-mqtt.js';
import { Drain } from './drain.js';
import { encodeReport, type Reporter } from './encode.js';
import type { Outbox } from './outbox.js';
import { RequestDesk, type RequestHandler } from './request-desk.js';
import type { RequestLog } from './request-log.js';
import type {
  AdapterBody,
  EventBody,
  MetricsBody,
  ResponseBody,
  ResultBody,
  ResultEventBody,
  StateBody,
  Verb,
} from './schemas.js';
import { checkedId, formatTopic, parseTopic, requestFilter, type Topic } from './topics.js';

/** What a device reports through its outbox, by kind. */
export interface Reports {
  metrics: MetricsBody;
  event: EventBody;
  result: ResultBody;
  'result-event': ResultEventBody;
  adapter: AdapterBody;
}

/** What a birth says besides being `online`. */
export type Birth = Omit<StateBody, 'state'>;

export interface LinkOptions {
  /** mqtt://host:port or mqtts://host:port. */
  url: string;
  device: string;
  outbox: Outbox;
  requests: RequestLog;
  /** 4 is MQTT 3.1.1, 5 is MQTT 5. */
  protocolVersion: 4 | 5;
  username?: string;
  password?: string;
  /** Counts the starts of this device's program; the birth and the will carry it. */
  bootSequence: number;
  /** Asked at every connect. */
  birth: () => Birth;
  /** What every task now runs; published again (retained) at every connect, for brokers that forget. */
  adapters?: () => readonly AdapterBody[];
  /** Someone else on the broker that the device speaks to in their own topics. */
  neighbour?: Neighbour;
  /** Called with the topic and the payload's bytes of whatever is handed to the network; of the will, at every connect. */
  sent?: (topic: string, bytes: number, will: boolean) => void;
  /** Delays before the first and the later attempts to connect again. */
  reconnect?: { minMs: number; maxMs: number };
  log: Logger;
}

/** A program on the same broker with a contract of its own. */
export interface Neighbour {
  /** What is published, retained, at every connect and when `announceNeighbour` is called. Last results follow at a connect. */
  announcement: () => { topic: string; payload: string };
  /** The one topic that is listened to, without wildcards. */
  listens: string;
  heard: (payload: string) => void;
}

/** How the link is doing now. */
export interface LinkStatus {
  connected: boolean;
  /** When `connected` last changed; null before the first attempt. ISO 8601. */
  since: string | null;
  /** Why the last attempt or connection failed; null after a successful one. */
  lastError: string | null;
  /** Connections made so far. */
  connections: number;
}

const MAX_ON_THEIR_WAY = 16;
/** How long a clean stop waits for the PUBACK of its `offline`. */
const FAREWELL_MS = 2000;

/**
 * A device's side of MQTT: birth and will, reports out of the outbox, requests in. It connects, and connects again,
 * for as long as it is started; nothing that the broker or a request does makes it throw.
 */
export class Link {
  private readonly options: LinkOptions;
  private readonly broker: string;
  private readonly reporter: Reporter;
  private readonly desk: RequestDesk;
  private readonly backoff: Backoff;
  private readonly minMs: number;
  private client: MqttClient | undefined;
  private drain: Drain | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopping = false;
  /** The last result of each task as it was written, by its topic. */
  private readonly lastResults = new Map<string, Buffer>();
  private state: LinkStatus = { connected: false, since: null, lastError: null, connections: 0 };

  /** @throws LichenError `id-invalid` (device) or `link-url-invalid`. */
  constructor(options: LinkOptions) {
    checkedId('device', options.device);
    this.options = options;
    this.broker = brokerOf(options.url);
    this.reporter = { device: options.device, store: options.outbox.store, boot: options.bootSequence };
    this.desk = new RequestDesk({
      device: options.device,
      requests: options.requests,
      respond: (verb, response) => this.respond(verb, response),
      log: options.log,
    });
    const { minMs, maxMs } = options.reconnect ?? { minMs: 1000, maxMs: 60_000 };
    this.minMs = minMs;
    const seed = hash(`${options.device}/${options.bootSequence}`);
    this.backoff = new Backoff({ minMs, maxMs, random: new Random(seed) });
  }

  get status(): LinkStatus {
    return { ...this.state };
  }

  /** Executes a verb's requests with this handler; to be called before `start`. */
  onRequest<V extends Verb>(verb: V, handler: RequestHandler<V>): void {
    this.desk.on(verb, handler);
  }

  /** Connects, and stays connected until `stop`. Returns at once. */
  start(): void {
    this.stopping = false;
    if (this.client === undefined && this.timer === undefined) this.open();
  }

  /**
   * Puts a report into the outbox; it is on disk when this returns and leaves when there is a connection.
   * @returns its sequence number; undefined when the outbox is full and it was dropped.
   * @throws LichenError `report-invalid` when the body does not fit its schema (it would be refused at the hub).
   */
  publish<K extends keyof Reports>(kind: K, body: Reports[K]): number | undefined {
    const topic = this.topicOf(kind, body);
    let payload: Buffer | undefined;
    const seq = this.options.outbox.add({
      topic,
      payload: (number) => {
        payload = encodeReport(this.reporter, kind, body, number);
        return payload;
      },
      retain: kind === 'adapter',
      droppable: kind === 'metrics' || kind === 'result' || kind === 'result-event',
    });
    // Only what has its number for good: another message would be taken for a double of it.
    if (kind === 'result' && this.options.neighbour && seq !== undefined && payload)
      this.lastResults.set(topic, payload);
    this.drain?.pump();
    return seq;
  }

  /**
   * Publishes a picture of a source, at most once, and only while there is a connection: neither the outbox nor the
   * broker keeps it.
   */
  publishPicture(source: string, jpeg: Buffer): void {
    const topic = formatTopic({ kind: 'picture', device: this.options.device, source });
    if (this.client?.connected) this.client.publish(topic, jpeg, { qos: 0, retain: false });
  }

  /** Publishes the neighbour's announcement anew; it is published at the next connect where there is no connection. */
  async announceNeighbour(): Promise<void> {
    const { neighbour, log } = this.options;
    const client = this.client;
    if (!neighbour || !client?.connected) return;
    const { topic, payload } = neighbour.announcement();
    await client.publishAsync(topic, payload, { qos: 1, retain: true }).catch((error: unknown) => {
      log.warn({ topic, error: messageOf(error) }, 'announcement not delivered');
    });
  }

  /**
   * Publishes the last result of each task again, for a neighbour that came back and does not know it. The message is the same
   * to the byte, by which a hub knows it as a double.
   */
  async repeatResults(): Promise<void> {
    const { outbox, log } = this.options;
    for (const [topic, payload] of this.lastResults) {
      const client = this.client;
      // What waits in the outbox is that result, or a newer one.
      if (!client?.connected || outbox.holds(topic)) continue;
      await client.publishAsync(topic, payload, { qos: 1 }).catch((error: unknown) => {
        log.warn({ topic, error: messageOf(error) }, 'last result not repeated');
      });
    }
  }

  /** Says `offline` and disconnects; when the broker is away it only ends. The outbox keeps what it holds. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.drain?.stop();
    const client = this.client;
    if (client === undefined) return;
    if (client.connected) {
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
      const farewell = this.announce(client, 'offline').catch((error: unknown) => {
        this.options.log.warn({ error: messageOf(error) }, 'could not say offline');
      });
      await Promise.race([farewell, closed, elapsed(FAREWELL_MS)]);
      if (client.connected) await Promise.race([client.endAsync(), closed, elapsed(FAREWELL_MS)]);
    }
    await client.endAsync(true);
    this.client = undefined;
    this.turn({ connected: false });
  }

  private open(): void {
    const { url, protocolVersion, username, password, device } = this.options;
    const will = {
      topic: formatTopic({ kind: 'state', device }),
      payload: this.statePayload('offline'),
      qos: 1,
      retain: true,
    } as const;
    let client: MqttClient;
    try {
      const settings: IClientOptions = {
        protocolVersion,
        username,
        password,
        clientId: `lichen-${device}`,
        clean: true,
        keepalive: 30,
        // This class makes its own attempts: one client is one connection, and nothing is sent twice from memory.
        reconnectPeriod: 0,
        resubscribe: false,
        queueQoSZero: false,
        will,
      };
      client = connectMqtt(url, settings);
    } catch (error) {
      this.turn({ lastError: messageOf(error) });
      this.retry();
      return;
    }
    this.client = client;
    // Packets are small, and a broker's PUBACK would wait for the next one.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    // At the last place before the network, so that nothing passes it by, and what is sent again counts again.
    client.on('packetsend', (packet) => {
      if (packet.cmd === 'publish')
        this.options.sent?.(packet.topic, Buffer.byteLength(packet.payload), false);
    });
    // The will left with the request to connect that this answers.
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack') this.options.sent?.(will.topic, will.payload.length, true);
    });
    client.on('error', (error) => this.failed(client, error));
    client.on('message', (topic, payload, packet) => this.received(topic, payload, packet.retain));
    client.on('connect', (connack) => void this.arrived(client, connack));
    client.on('close', () => this.lost(client));
  }

  private async arrived(client: MqttClient, connack: IConnackPacket): Promise<void> {
    const { device, outbox, log } = this.options;
    this.turn({ connected: true, lastError: null, connections: this.state.connections + 1 });
    log.info({ broker: this.broker }, 'connected');
    try {
      // Before the birth: whoever acts on the birth may send a request at once.
      await client.subscribeAsync(requestFilter(device), { qos: 1 }).catch((error: unknown) => {
        this.turn({ lastError: `The broker refuses the subscription to requests: ${messageOf(error)}` });
        log.error({ error: messageOf(error) }, 'no requests: the broker refuses the subscription');
      });
      await this.announce(client, 'online');
      await this.announceAdapters(client);
      await this.meetNeighbour(client);
      if (client !== this.client || this.stopping) return;
      this.drain = new Drain({
        client,
        outbox,
        window: Math.min(MAX_ON_THEIR_WAY, connack.properties?.receiveMaximum ?? MAX_ON_THEIR_WAY),
        maximumPacketBytes: connack.properties?.maximumPacketSize,
        log,
      });
      this.drain.pump();
    } catch (error) {
      // The connection ended in the middle, or the broker refused the birth: a new attempt follows either way.
      if (client !== this.client || this.stopping) return;
      log.warn({ error: messageOf(error) }, 'birth not delivered');
      this.turn({ lastError: messageOf(error) });
      client.end(true);
    }
  }

  private announce(client: MqttClient, state: StateBody['state']): Promise<unknown> {
    const topic = formatTopic({ kind: 'state', device: this.options.device });
    return client.publishAsync(topic, this.statePayload(state), { qos: 1, retain: true });
  }

  private async announceAdapters(client: MqttClient): Promise<void> {
    for (const body of this.options.adapters?.() ?? []) {
      const topic = this.topicOf('adapter', body);
      // What waits in the outbox is at least as new and will be the last word.
      if (this.options.outbox.holds(topic)) continue;
      const payload = encodeReport(this.reporter, 'adapter', body, this.options.outbox.lastSeq);
      await client.publishAsync(topic, payload, { qos: 1, retain: true });
    }
  }

  private async meetNeighbour(client: MqttClient): Promise<void> {
    const { neighbour, log } = this.options;
    if (!neighbour) return;
    await client.subscribeAsync(neighbour.listens, { qos: 1 }).catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, `the broker refuses the subscription to ${neighbour.listens}`);
    });
    await this.announceNeighbour();
    await this.repeatResults();
  }

  private received(topic: string, payload: Buffer, retained: boolean): void {
    const { neighbour } = this.options;
    if (topic === neighbour?.listens) {
      neighbour.heard(payload.toString());
      return;
    }
    let parsed: Topic | undefined;
    try {
      parsed = parseTopic(topic);
    } catch (error) {
      this.options.log.warn({ error: messageOf(error) }, 'message ignored');
    }
    if (parsed?.kind === 'request') void this.desk.receive(parsed.verb, payload, retained);
  }

  private respond(verb: string, body: ResponseBody): void {
    const { device, outbox, log } = this.options;
    const topic = formatTopic({ kind: 'response', device, verb });
    try {
      const payload = (seq: number) => encodeReport(this.reporter, 'response', body, seq);
      outbox.add({ topic, payload, retain: false, droppable: false });
      this.drain?.pump();
    } catch (error) {
      log.error({ topic, error: messageOf(error) }, 'response lost');
    }
  }

  private failed(client: MqttClient, error: Error): void {
    if (client !== this.client) return;
    const lastError = explainFailure(this.broker, this.options.protocolVersion, error);
    if (lastError !== this.state.lastError) this.options.log.warn(lastError);
    this.turn({ lastError });
  }

  private lost(client: MqttClient): void {
    if (client !== this.client || this.stopping) return;
    this.drain?.stop();
    this.drain = undefined;
    this.client = undefined;
    client.end(true);
    // A connection that held for a while was good; one that ends at once keeps the delays growing.
    const held = this.state.connected && Date.now() - Date.parse(this.state.since ?? '') > 10 * this.minMs;
    if (held) this.backoff.reset();
    if (this.state.connected) this.options.log.warn({ broker: this.broker }, 'connection lost');
    this.turn({
      connected: false,
      lastError: this.state.lastError ?? `${this.broker} closed the connection.`,
    });
    this.retry();
  }

  private retry(): void {
    if (this.stopping) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.open();
    }, this.backoff.next());
  }

  private turn(change: Partial<LinkStatus>): void {
    const turned = change.connected !== undefined && change.connected !== this.state.connected;
    const since = turned || this.state.since === null ? new Date().toISOString() : this.state.since;
    this.state = { ...this.state, ...change, since };
  }

  private topicOf<K extends keyof Reports>(kind: K, body: Reports[K]): string {
    const { device } = this.options;
    if (kind === 'metrics' || kind === 'event') return formatTopic({ kind, device });
    if (kind === 'result-event') return formatTopic({ kind: 'result', device });
    const { task } = body as ResultBody | AdapterBody;
    return formatTopic({ kind: kind as 'result' | 'adapter', device, task });
  }

  private statePayload(state: StateBody['state']): Buffer {
    const body: StateBody = { ...this.options.birth(), state };
    return encodeReport(this.reporter, 'state', body, this.options.outbox.lastSeq);
  }
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}
