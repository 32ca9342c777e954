import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Database, openDatabase } from '../store/database.js';
import { deviceRoutes } from './api.js';
import { Broker } from './broker.js';
import type { HubConfig } from './config.js';
import { DeviceViews } from './device-views.js';
import { History } from './history.js';
import { HTTP_LIMITS, type HttpLimits, listen, newHttpServer } from './http.js';
import { Ingest, type Outcome } from './ingest.js';
import { InstallLog } from './install-log.js';
import { Installs } from './installs.js';
import { Live } from './live.js';
import { PackReader } from './pack-reader.js';
import { packRoutes } from './pack-routes.js';
import { Packs } from './packs.js';
import { pageRoutes } from './page/routes.js';
import { Registry } from './registry.js';
import { Rejections } from './rejections.js';
import { Requests } from './requests.js';
import { Retained } from './retained.js';
import { hubMigrations } from './schema.js';

/** A running hub. */
export interface Hub {
  /** TCP port of the MQTT broker. */
  mqttPort: number;
  /** TCP port of the page and the API. */
  httpPort: number;
  /** Address of the page. */
  url: string;
  /** Ends every connection, writes down what has arrived and closes the database. */
  stop(): Promise<void>;
}

/**
 * Starts the hub: database, broker, page and API.
 * @param limits of its web server
 * @throws LichenError `port-unavailable`, `key-...`, or what `openDatabase` throws.
 */
export async function startHub(config: HubConfig, log: Logger, limits = HTTP_LIMITS): Promise<Hub> {
  const reader = new PackReader(config.trustedKeys);
  const database = openDatabase(join(config.store, 'hub.db'), hubMigrations);
  try {
    return await compose(config, log, database, reader, limits);
  } catch (error) {
    database.close();
    throw error;
  }
}

async function compose(
  config: HubConfig,
  log: Logger,
  database: Database,
  reader: PackReader,
  limits: HttpLimits,
): Promise<Hub> {
  const history = new History(database, config.keep);
  const rejections = new Rejections(database);
  const registry = new Registry(database, history);
  const retained = new Retained(database);
  const installLog = new InstallLog(database, registry);
  // What an earlier process knew of connections ended with it.
  database.transaction(() => {
    registry.forgetConnections(Date.now());
    retained.forgetConnections();
    installLog.giveUpBut();
  })();
  const views = new DeviceViews(database, history, rejections);
  const live = new Live({ views, history });
  const ingest = new Ingest({ database, registry, rejections, retained, installs: installLog, log });

  const broker = await Broker.start({
    config: config.mqtt,
    retained: retained.all(),
    take: (message, taken) => ingest.take(message, taken),
    log,
  });
  const requests = new Requests({
    publish: (message) => broker.publish(message),
    isKnown: (device) => registry.isKnown(device),
    isOnline: (device) => registry.isOnline(device),
  });
  const packs = new Packs(database, reader);
  const installs = new Installs({ packs, requests, log: installLog, config: config.install });
  ingest.onCommit((outcomes) => {
    for (const outcome of outcomes) spread(outcome, requests, live);
  });

  const server = newHttpServer(log, limits);
  deviceRoutes(server, { views, history, rejections, requests, live });
  packRoutes(server, { packs, installs, installLog, live, uploads: limits.uploads });
  pageRoutes(server);

  const end = async () => {
    requests.stop();
    await server.close();
    await broker.stop();
    // The wills of the connections that the broker ended are in the queue.
    ingest.close();
    live.stop();
    database.close();
  };
  let ending: Promise<void> | undefined;
  const stop = () => {
    ending ??= end();
    return ending;
  };
  const httpPort = await listen(server, config.http).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const { host } = config.http;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}/`;
  log.info({ mqtt: `${config.mqtt.host}:${broker.port}`, page: url }, 'hub started');
  return { mqttPort: broker.port, httpPort, url, stop };
}

/** Tells those who wait what was committed. */
function spread(outcome: Outcome, requests: Requests, live: Live): void {
  if (outcome.kind === 'passed') return;
  live.deviceChanged(outcome.device);
  if (outcome.kind !== 'accepted') return;
  const { report } = outcome;
  if (report.kind === 'response') requests.settle(outcome.device, report.body);
  // Whether a pack serves is what the adapter message says.
  if (report.kind === 'adapter') live.packsChanged();
}
