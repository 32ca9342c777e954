import { timingSafeEqual } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { Logger } from 'pino';
import { LichenError } from '../errors.js';
import type { HubConfig } from './config.js';
import type { Incoming } from './ingest.js';
import type { RetainedMessage } from './retained.js';

interface BrokerOptions {
  config: HubConfig['mqtt'];
  /** Published again before the first client connects. */
  retained: readonly RetainedMessage[];
  /** Called for every message of a client and every will, before its PUBACK; the message waits for the answer. */
  take: (message: Incoming, taken: (error: Error | null) => void) => void;
  log: Logger;
}

/** MQTT's CONNACK return code for a wrong user name or password. */
const BAD_CREDENTIALS = 4;

/** The MQTT 3.1.1 broker inside the hub: aedes over TCP. Sessions and queues live in memory. */
export class Broker {
  private readonly options: BrokerOptions;
  private readonly aedes: Aedes;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(options: BrokerOptions, aedes: Aedes) {
    this.options = options;
    this.aedes = aedes;
    // Without delay: packets are small and somebody waits for each.
    this.server = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      aedes.handle(socket);
    });
  }

  /** @throws LichenError `port-unavailable`. */
  static async start(options: BrokerOptions): Promise<Broker> {
    const { config, log } = options;
    const aedes = await Aedes.createBroker({
      authorizePublish: (_client, packet, done) => {
        if (packet.topic.startsWith('$SYS/')) {
          done(new LichenError('topic-invalid', `Topic ${packet.topic} belongs to the broker.`));
          return;
        }
        const { topic, qos, retain } = packet;
        options.take({ topic, payload: Buffer.from(packet.payload), qos, retain }, done);
      },
      authenticate: (_client, username, password, done) => {
        if (admits(config, username, password)) done(null, true);
        else
          done(
            Object.assign(new Error('wrong user name or password'), {
              returnCode: BAD_CREDENTIALS,
            }) as AuthenticateError,
            null,
          );
      },
    });
    aedes.on('connectionError', (client: Client, error: Error) => {
      const { remoteAddress } = client.conn as { remoteAddress?: string };
      const hint =
        'errorCode' in error && error.errorCode === 1
          ? ' This broker speaks MQTT 3.1 and 3.1.1; set the client to protocol version 4.'
          : '';
      log.warn({ remoteAddress }, `MQTT connection refused: ${error.message}.${hint}`);
    });
    aedes.on('clientError', (client: Client, error: Error) => {
      log.debug({ client: client.id, error: error.message }, 'MQTT connection ended');
    });
    const broker = new Broker(options, aedes);
    try {
      for (const message of options.retained) await broker.publish({ ...message, retain: true });
      await broker.listen();
    } catch (error) {
      // Its heartbeat would keep the process alive.
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      throw error;
    }
    return broker;
  }

  /** The TCP port that it listens on. */
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Publishes a message of the hub's own. */
  publish(message: Incoming): Promise<void> {
    return new Promise((resolve, reject) => {
      this.aedes.publish({ cmd: 'publish', dup: false, ...message }, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Ends every connection and frees the port. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    await new Promise<void>((resolve) => this.aedes.close(() => resolve()));
    // Those that never introduced themselves are unknown to aedes.
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async listen(): Promise<void> {
    const { host, port } = this.options.config;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (error) => {
        reject(
          new LichenError(
            'port-unavailable',
            `The MQTT broker cannot listen on ${host}:${port} (${error.message}). Stop what uses the port, or set mqtt.host and mqtt.port.`,
            { cause: error },
          ),
        );
      });
      this.server.listen(port, host, resolve);
    });
  }
}

function admits(config: HubConfig['mqtt'], username?: string, password?: Buffer): boolean {
  if (config.username === undefined || config.password === undefined) return true;
  return (
    same(config.username, Buffer.from(username ?? '')) && same(config.password, password ?? Buffer.alloc(0))
  );
}

function same(expected: string, given: Buffer): boolean {
  const bytes = Buffer.from(expected);
  return bytes.length === given.length && timingSafeEqual(bytes, given);
}
