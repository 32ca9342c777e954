import { randomBytes } from 'node:crypto';
import { connect as connectSocket } from 'node:net';
import { LichenError, messageOf } from '../errors.js';
import { brokerOf, explainFailure } from '../link/broker-address.js';
import { connectMqtt } from '../link/connect-mqtt.js';
import type { Check } from './check.js';

export interface BrokerSettings {
  /** mqtt://host:port or mqtts://host:port, with or without user and password. */
  url: string;
  protocol: 4 | 5;
  username?: string;
  password?: string;
}

const PATIENCE_MS = 10_000;
const name = 'broker';

/** Whether the broker takes a TCP connection and then an MQTT one, as this device would make it. */
export async function brokerCheck(settings: BrokerSettings | undefined): Promise<Check> {
  if (settings === undefined) {
    return {
      name,
      status: 'optional',
      found: 'not asked',
      howToGet: 'ask for one: lichen doctor --broker mqtt://host:1883, or --config /etc/lichen/agent.yaml',
    };
  }
  const broker = brokerOf(settings.url);
  try {
    await openSocket(broker);
  } catch (error) {
    return missing(
      explainFailure(broker, settings.protocol, toError(error)),
      'start the broker (lichen hub, or sudo apt-get install mosquitto), and check address, port and firewall',
    );
  }
  try {
    await openSession(settings);
  } catch (error) {
    const why = messageOf(error);
    const said =
      error instanceof LichenError ? why : explainFailure(broker, settings.protocol, toError(error));
    return missing(
      `${broker} takes TCP connections, but no MQTT one: ${said}`,
      'check that the port is an MQTT broker, and mqtt.protocol, mqtt.username and mqtt.password in the settings',
    );
  }
  return {
    name,
    status: 'ok',
    found: `${broker} answers (MQTT ${settings.protocol === 5 ? '5' : '3.1.1'})`,
  };
}

const missing = (found: string, howToGet: string): Check => ({ name, status: 'missing', found, howToGet });

function openSocket(broker: string): Promise<void> {
  const { hostname, port, protocol } = new URL(broker);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    const socket = connectSocket({
      host,
      port: Number(port) || (protocol === 'mqtts:' ? 8883 : 1883),
      timeout: PATIENCE_MS,
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)));
    socket.once('error', reject);
  });
}

/** CONNECT and CONNACK with an id of its own, so that the agent's session is left alone. */
function openSession({ url, protocol, username, password }: BrokerSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    const client = connectMqtt(url, {
      clientId: `lichen-doctor-${randomBytes(6).toString('hex')}`,
      protocolVersion: protocol,
      ...(username !== undefined && { username, password }),
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: PATIENCE_MS,
    });
    let settled = false;
    const settle = (error?: Error) => {
      if (settled) return;
      settled = true;
      client.end(error !== undefined, () => (error ? reject(error) : resolve()));
    };
    client.once('connect', () => settle());
    client.on('error', settle);
    client.once('close', () =>
      settle(new LichenError('broker-closed', 'it closed the connection without an answer.')),
    );
  });
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
