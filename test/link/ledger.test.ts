import type { AedesOptions, PublishPacket } from 'aedes';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ledger } from '../../src/link/ledger.js';
import { Link } from '../../src/link/link.js';
import { Outbox } from '../../src/link/outbox.js';
import { RequestLog } from '../../src/link/request-log.js';
import { openStore, type Store } from '../../src/store/store.js';
import { scratchFolder } from '../store/scratch.js';
import { AedesBroker } from './brokers.js';
import { adapter, birth, event, metrics, result } from './examples.js';
import { Observer } from './observer.js';
import { until } from './until.js';

const scratch = scratchFolder();
let store: Store;
let cleanUp: (() => Promise<void>)[];

beforeEach(() => {
  store = openStore(scratch.path('store'));
  cleanUp = [];
});
afterEach(async () => {
  for (const end of cleanUp.reverse()) await end();
  store.close();
});

/** What a broker took from the device, by topic: every packet, doubles included, and the wills. */
class RecordingBroker extends AedesBroker {
  readonly taken: { topic: string; bytes: number; will: boolean }[] = [];

  constructor(refuse: (packet: PublishPacket) => boolean = () => false) {
    const options: AedesOptions = {
      preConnect: (_client, packet, done) => {
        const { will } = packet;
        if (will) this.take(will.topic, will.payload, true);
        done(null, true);
      },
      authorizePublish: (client, packet, done) => {
        if (client?.id === 'lichen-cam-1') this.take(packet.topic, packet.payload, false);
        done(refuse(packet) ? new Error('not now') : null);
      },
    };
    super(options);
  }

  sums(): { where: string; will: boolean; messages: number; bytes: number }[] {
    const sums = new Map<string, { where: string; will: boolean; messages: number; bytes: number }>();
    for (const { topic, bytes, will } of this.taken) {
      const key = `${will} ${topic}`;
      const before = sums.get(key) ?? { where: topic, will, messages: 0, bytes: 0 };
      sums.set(key, { ...before, messages: before.messages + 1, bytes: before.bytes + bytes });
    }
    return [...sums.values()];
  }

  private take(topic: string, payload: string | Buffer, will: boolean): void {
    this.taken.push({ topic, bytes: Buffer.byteLength(payload), will });
  }
}

function newLink(url: string, ledger: Ledger): Link {
  const link = new Link({
    url,
    device: 'cam-1',
    outbox: new Outbox(store.database, { capBytes: 1_000_000 }),
    requests: new RequestLog(store.database),
    protocolVersion: 4,
    bootSequence: 7,
    birth: () => birth,
    adapters: () => [adapter],
    neighbour: {
      announcement: () => ({ topic: 'homeassistant/device/lichen_cam-1/config', payload: '{"größe": 1}' }),
      listens: 'homeassistant/status',
      heard: () => {},
    },
    sent: (topic, bytes, will) => (will ? ledger.add('will', topic, bytes) : ledger.published(topic, bytes)),
    reconnect: { minMs: 10, maxMs: 50 },
    log: pino({ level: 'silent' }),
  });
  cleanUp.push(() => link.stop());
  return link;
}

/** The ledger as the broker would write it: leaves of topics are not told apart. */
const asBroker = (ledger: Ledger) =>
  ledger
    .list()
    .map(({ kind, where, messages, bytes }) => ({ where, will: kind === 'will', messages, bytes }))
    .sort((a, b) => a.bytes - b.bytes);

describe('the ledger', () => {
  it('counts what a broker took, by kind, to the byte', async () => {
    const broker = new RecordingBroker();
    await broker.start();
    cleanUp.push(() => broker.remove());
    const observer = await Observer.at(broker.url);
    cleanUp.push(() => observer.stop());
    const ledger = new Ledger(store.settings);
    const link = newLink(broker.url, ledger);
    link.onRequest('status', () => ({ fine: 'ja, größtenteils' }));
    link.start();
    for (let i = 0; i < 40; i++) link.publish('result', result);
    link.publish('metrics', metrics);
    link.publish('event', event(1));
    link.publish('adapter', adapter);
    await until(() => observer.on('lichen/v1/cam-1/state').length === 1);
    const request = JSON.stringify({ v: 1, transaction: 't1' });
    observer.client.publish('lichen/v1/cam-1/request/status', request, { qos: 1 });
    await until(() => observer.on('lichen/v1/cam-1/response/status').length === 1);
    await link.stop();
    const leaves = (where: string) =>
      where.replace(/(result|adapter)\/[^/]+$/, '$1/<task>').replace(/response\/[^/]+$/, 'response/<verb>');
    const taken = broker.sums().map((s) => ({ ...s, where: leaves(s.where) }));
    expect(asBroker(ledger)).toEqual(taken.sort((a, b) => a.bytes - b.bytes));
    expect(
      ledger
        .list()
        .map((e) => e.kind)
        .sort(),
    ).toEqual([...['adapter', 'event', 'home-assistant', 'metrics', 'response', 'result', 'state', 'will']]);
    expect(ledger.list().find((e) => e.kind === 'result')).toMatchObject({
      where: 'lichen/v1/cam-1/result/<task>',
      messages: 40,
    });
  });

  it('counts again what is sent again', async () => {
    let refusals = 3;
    const broker = new RecordingBroker((packet) => packet.topic.endsWith('/event') && refusals-- > 0);
    await broker.start();
    cleanUp.push(() => broker.remove());
    const ledger = new Ledger(store.settings);
    const link = newLink(broker.url, ledger);
    link.publish('event', event(1));
    link.start();
    const events = () => broker.taken.filter((t) => t.topic.endsWith('/event'));
    await until(() => events().length === 4);
    await link.stop();
    const counted = ledger.list().find((e) => e.kind === 'event')!;
    expect(counted.messages).toBe(4);
    expect(counted.bytes).toBe(events().reduce((sum, { bytes }) => sum + bytes, 0));
    // A will went along with every connection.
    expect(ledger.list().find((e) => e.kind === 'will')!.messages).toBe(
      broker.taken.filter((t) => t.will).length,
    );
  });

  it('goes on after a restart of the program, and writes only what changed', () => {
    const first = new Ledger(store.settings);
    expect(first.list()).toEqual([]);
    first.add('webhook', 'http://home:8123/api', 10);
    first.add('webhook', 'http://home:8123/api', 5);
    first.save();
    const [entry] = first.list();
    expect(entry).toMatchObject({ messages: 2, bytes: 15 });
    expect(entry!.since).toBeLessThanOrEqual(entry!.lastAt);

    const second = new Ledger(store.settings);
    expect(second.since).toBe(first.since);
    expect(second.list()).toEqual(first.list());
    second.add('webhook', 'http://home:8123/api', 1);
    expect(second.list()[0]).toMatchObject({ messages: 3, bytes: 16, since: entry!.since });
    const writes: string[] = [];
    const counting = { get: () => undefined, set: (key: string) => writes.push(key) };
    const third = new Ledger(counting);
    third.save();
    third.save();
    expect(writes).toHaveLength(1);
    third.published('lichen/v1/cam-1/metrics', 1);
    third.save();
    third.save();
    expect(writes).toHaveLength(2);
  });

  it('does not grow with names that others choose', () => {
    const ledger = new Ledger(store.settings);
    for (let i = 0; i < 100; i++) ledger.published(`lichen/v1/cam-1/response/verb-${i}`, 10);
    expect(ledger.list()).toMatchObject([
      { kind: 'response', where: 'lichen/v1/cam-1/response/<verb>', messages: 100, bytes: 1000 },
    ]);
  });
});
