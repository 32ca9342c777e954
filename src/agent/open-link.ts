import { ORT_VERSION } from '../engine/ort.js';
import type { Ledger } from '../link/ledger.js';
import { Link, type Neighbour } from '../link/link.js';
import type { Outbox } from '../link/outbox.js';
import { RequestLog } from '../link/request-log.js';
import type { AdapterBody } from '../link/schemas.js';
import type { AgentParts, Rooms } from './open-rooms.js';

/**
 * The link of an agent to its broker, not started yet: its settings, and what its birth says of the device.
 * @param ledger counts what leaves
 * @param adapters what every task runs now
 * @param neighbour whom else the device speaks to on the broker
 */
export function openLink(
  { config, profile, version, log }: AgentParts,
  { engine, store }: Pick<Rooms, 'engine' | 'store'>,
  outbox: Outbox,
  ledger: Ledger,
  adapters: () => readonly AdapterBody[],
  neighbour?: Neighbour,
): Link {
  const { url, protocol, username, password, reconnectMax } = config.mqtt;
  return new Link({
    url,
    device: config.device.id,
    outbox,
    requests: new RequestLog(store.database),
    protocolVersion: protocol,
    username,
    password,
    bootSequence: store.settings.increment('boot'),
    reconnect: { minMs: 1000, maxMs: reconnectMax },
    birth: () => ({
      versions: { program: version, node: process.versions.node, onnxruntime: ORT_VERSION },
      profile: profile.name,
      capabilities: [
        ...['piggyback', 'pnn', `engine-${engine.name}`],
        ...config.sources.map((s) => `source-${s.kind}`),
      ],
    }),
    adapters,
    neighbour,
    sent: (topic, bytes, will) => {
      if (will) ledger.add('will', topic, bytes);
      else ledger.published(topic, bytes);
    },
    log,
  });
}
