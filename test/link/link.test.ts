import { fileURLToPath } from 'node:url';
import type { PublishPacket } from 'aedes';
import { connectAsync } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Link, type LinkOptions } from '../../src/link/link.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { AedesBroker, MosquittoBroker, mosquitto, type TestBroker } from './brokers.js';
import { adapter, birth, event, metrics, result } from './examples.js';
import { Observer } from './observer.js';
import { StoreFixture } from './store-fixture.js';
import { until } from './until.js';

const ROOT = 'lichen/v1/cam-1';

let store: StoreFixture;
let cleanUp: (() => Promise<void>)[];

beforeEach(() => {
  store = new StoreFixture();
  cleanUp = [];
});

afterEach(async () => {
  for (const end of cleanUp.reverse()) await end();
  store.remove();
});

async function started<B extends TestBroker>(broker: B): Promise<B> {
  await broker.start();
  cleanUp.push(() => broker.remove());
  return broker;
}

async function observing(url: string): Promise<Observer> {
  const observer = await Observer.at(url);
  cleanUp.push(() => observer.stop());
  return observer;
}

function newLink(url: string, protocolVersion: 4 | 5, more: Partial<LinkOptions> = {}): Link {
  const link = new Link({
    url,
    device: 'cam-1',
    outbox: store.outbox,
    requests: store.requests,
    protocolVersion,
    bootSequence: 7,
    birth: () => birth,
    reconnect: { minMs: 10, maxMs: 50 },
    log: pino({ level: 'silent' }),
    ...more,
  });
  cleanUp.push(() => link.stop());
  return link;
}

const brokers: { name: string; version: 4 | 5; runs: boolean; make: () => TestBroker }[] = [
  { name: 'MQTT 3.1.1 to aedes', version: 4, runs: true, make: () => new AedesBroker() },
  { name: 'MQTT 3.1.1 to mosquitto', version: 4, runs: mosquitto.runs, make: () => new MosquittoBroker() },
  { name: 'MQTT 5 to mosquitto', version: 5, runs: mosquitto.runs, make: () => new MosquittoBroker() },
];

describe.for(brokers)('the link, over $name', ({ version, runs, make }) => {
  beforeEach((context) => {
    if (!runs) context.skip(mosquitto.reason);
  });

  it('says online at every connect and offline at a clean stop, retained', async () => {
    const broker = await started(make());
    const observer = await observing(broker.url);
    const link = newLink(broker.url, version);
    expect(link.status).toEqual({ connected: false, since: null, lastError: null, connections: 0 });
    link.start();
    await until(() => observer.on(`${ROOT}/state`).length === 1);
    expect(observer.on(`${ROOT}/state`)[0]).toMatchObject({
      v: 1,
      device: 'cam-1',
      boot: 7,
      state: 'online',
      store: store.outbox.store,
      ...birth,
    });
    expect(link.status).toMatchObject({ connected: true, lastError: null, connections: 1 });
    await link.stop();
    await until(() => observer.on(`${ROOT}/state`).length === 2);
    expect(observer.on(`${ROOT}/state`)[1]).toMatchObject({ state: 'offline', boot: 7 });
    expect(link.status.connected).toBe(false);
    const late = await observing(broker.url);
    await until(() => late.messages.length === 1);
    expect(late.messages[0]).toMatchObject({ topic: `${ROOT}/state`, retain: true });
    expect(late.on(`${ROOT}/state`)[0]).toMatchObject({ state: 'offline' });
  });

  it('leaves its will, with the same boot, when the process is killed', async () => {
    const broker = await started(make());
    const observer = await observing(broker.url);
    const file = fileURLToPath(new URL('link-process.ts', import.meta.url));
    const device = spawnTypeScript(file, [
      broker.url,
      `${store.folder}/killed.db`,
      String(version),
      '41',
      'cam-1',
    ]);
    await until(() => observer.on(`${ROOT}/event`).length > 3);
    device.child.kill('SIGKILL');
    await device.ended;
    await until(() => observer.on(`${ROOT}/state`).length === 2);
    expect(observer.on(`${ROOT}/state`)).toMatchObject([
      { state: 'online', boot: 41 },
      { state: 'offline', boot: 41 },
    ]);
  });

  it('delivers what was published while the broker was away, in order, after it has come back', async () => {
    const broker = await started(make());
    const link = newLink(broker.url, version);
    link.start();
    await until(() => link.status.connected);
    await broker.stop();
    await until(() => !link.status.connected);
    for (let n = 1; n <= 100; n++) link.publish('event', event(n));
    expect(store.outbox.stats.messages).toBe(100);
    await until(() => /not reachable/.test(link.status.lastError ?? ''));
    await broker.start();
    const observer = await observing(broker.url);
    await until(() => store.outbox.stats.messages === 0);
    link.publish('event', event(101));
    await until(() => observer.on(`${ROOT}/event`).some(({ seq }) => seq === 101));
    const seen = observer.on(`${ROOT}/event`).map(({ seq }) => Number(seq));
    expect(seen).toEqual(seen.map((_, index) => seen[0]! + index));
    expect(link.status).toMatchObject({ connected: true, lastError: null });
  });

  it('repeats the last result of each task for its neighbour when the broker has come back', async () => {
    const broker = await started(make());
    const neighbour = {
      announcement: () => ({ topic: 'homeassistant/device/cam-1/config', payload: '{}' }),
      listens: 'homeassistant/status',
      heard: () => {},
    };
    const link = newLink(broker.url, version, { neighbour });
    const before = await observing(broker.url);
    link.start();
    link.publish('result', { ...result, label: 'coat' });
    link.publish('result', result);
    link.publish('result', { ...result, task: 'shoes' });
    await until(() => before.on(`${ROOT}/result/shoes`).length === 1 && store.outbox.stats.messages === 0);
    const tops = before.on(`${ROOT}/result/tops`);
    expect(tops.map((t) => t.label)).toEqual(['coat', 'shirt']);
    const [shoes] = before.on(`${ROOT}/result/shoes`);
    await broker.stop();
    await broker.start();
    const observer = await observing(broker.url);
    await until(() => link.status.connected);
    // A broker ends a connection where another one comes by its id: the next connect is seen whole.
    const sameId = await connectAsync(broker.url, {
      clientId: 'lichen-cam-1',
      protocolVersion: version,
      reconnectPeriod: 0,
    });
    await until(() => observer.on(`${ROOT}/result/shoes`).length > 0);
    await sameId.endAsync(true);
    expect(observer.on(`${ROOT}/result/tops`).at(-1)).toEqual(tops[1]);
    expect(observer.on(`${ROOT}/result/shoes`).at(-1)).toEqual(shoes);
    // What waits in the outbox is newer, and comes alone.
    await broker.stop();
    await until(() => !link.status.connected);
    link.publish('result', { ...result, label: 'blouse' });
    await broker.start();
    await until(() => store.outbox.stats.messages === 0);
    expect(observer.on(`${ROOT}/result/tops`).every((t) => t.label !== 'coat')).toBe(true);
  });

  it('repeats nothing where there is no neighbour', async () => {
    const broker = await started(make());
    const link = newLink(broker.url, version);
    const observer = await observing(broker.url);
    link.start();
    link.publish('result', result);
    await until(() => observer.on(`${ROOT}/result/tops`).length === 1 && store.outbox.stats.messages === 0);
    await link.repeatResults();
    link.publish('event', event(1));
    await until(() => observer.on(`${ROOT}/event`).length === 1);
    expect(observer.on(`${ROOT}/result/tops`)).toHaveLength(1);
  });

  it('publishes each kind on its topic, with the flags of the contract', async () => {
    const broker = await started(make());
    const observer = await observing(broker.url);
    const link = newLink(broker.url, version);
    link.start();
    link.publish('metrics', metrics);
    link.publish('result', result);
    link.publish('event', event(3));
    link.publish('adapter', adapter);
    await until(() => observer.messages.length === 5);
    expect(observer.on(`${ROOT}/metrics`)[0]).toMatchObject({ seq: 1, ...metrics });
    expect(observer.on(`${ROOT}/result/tops`)[0]).toMatchObject({ seq: 2, ...result });
    expect(observer.on(`${ROOT}/event`)[0]).toMatchObject({ seq: 3, ...event(3) });
    expect(observer.on(`${ROOT}/adapter/tops`)[0]).toMatchObject({ seq: 4, ...adapter });
    const late = await observing(broker.url);
    await until(() => late.messages.length === 2);
    expect(late.messages.map(({ topic }) => topic).sort()).toEqual([`${ROOT}/adapter/tops`, `${ROOT}/state`]);
  });

  it('executes requests and answers them, also after the broker came back', async () => {
    const broker = await started(make());
    const observer = await observing(broker.url);
    const link = newLink(broker.url, version);
    const trained: (string | undefined)[] = [];
    link.onRequest('train', ({ task }) => {
      trained.push(task);
      return { epochs: 10 };
    });
    link.start();
    await until(() => observer.on(`${ROOT}/state`).length === 1);
    const request = JSON.stringify({ v: 1, transaction: 't1', task: 'tops' });
    await observer.client.publishAsync(`${ROOT}/request/train`, request, { qos: 1 });
    await until(() => observer.on(`${ROOT}/response/train`).length === 1);
    expect(observer.on(`${ROOT}/response/train`)[0]).toMatchObject({
      v: 1,
      device: 'cam-1',
      status: 'ok',
      transaction: 't1',
      data: { epochs: 10 },
    });

    await broker.stop();
    await until(() => !link.status.connected);
    await broker.start();
    const second = await observing(broker.url);
    await until(() => second.on(`${ROOT}/state`).some(({ state }) => state === 'online'));
    await second.client.publishAsync(`${ROOT}/request/train`, request, { qos: 1 });
    await second.client.publishAsync(`${ROOT}/request/train`, '{broken', { qos: 1 });
    await until(() => second.on(`${ROOT}/response/train`).length === 2);
    expect(second.on(`${ROOT}/response/train`)).toMatchObject([
      { status: 'ok', transaction: 't1', data: { epochs: 10 } },
      { status: 'error', transaction: null, error: { code: 'payload-not-json' } },
    ]);
    expect(trained).toEqual(['tops']);
  });

  it('says again what every task runs at each connect, unless newer news wait', async () => {
    const broker = await started(make());
    const observer = await observing(broker.url);
    const shoes = { ...adapter, task: 'shoes', version: 1 };
    const link = newLink(broker.url, version, { adapters: () => [adapter, shoes] });
    link.publish('adapter', { ...adapter, version: 4 });
    link.start();
    await until(() => observer.messages.length === 3);
    expect(observer.on(`${ROOT}/adapter/tops`)).toMatchObject([{ version: 4, seq: 1 }]);
    expect(observer.on(`${ROOT}/adapter/shoes`)).toMatchObject([{ version: 1, seq: 1 }]);
  });

  it('stops while the broker is away, and keeps what it could not deliver', async () => {
    const broker = await started(make());
    await broker.stop();
    const link = newLink(broker.url, version);
    link.start();
    link.publish('event', event(1));
    await until(() => link.status.lastError !== null);
    await link.stop();
    expect(link.status.connected).toBe(false);
    store.reopen();
    expect(store.outbox.stats.messages).toBe(1);
  });

  it('can be started again after a stop', async () => {
    const broker = await started(make());
    const observer = await observing(broker.url);
    const link = newLink(broker.url, version);
    link.start();
    link.start();
    await until(() => observer.on(`${ROOT}/state`).length === 1);
    await link.stop();
    await link.stop();
    link.start();
    await until(() => observer.on(`${ROOT}/state`).length === 3);
    expect(observer.on(`${ROOT}/state`).map(({ state }) => state)).toEqual(['online', 'offline', 'online']);
  });
});

describe('the link', () => {
  it('keeps a message until its PUBACK has come, however long that takes', async () => {
    const held: (() => void)[] = [];
    const arrived: string[] = [];
    const broker = await started(
      new AedesBroker({
        authorizePublish: (_client, packet: PublishPacket, done) => {
          if (!packet.topic.endsWith('/event')) return done(null);
          arrived.push(packet.payload.toString());
          held.push(() => done(null));
        },
      }),
    );
    const link = newLink(broker.url, 4);
    link.start();
    for (let n = 1; n <= 40; n++) link.publish('event', event(n));
    await until(() => arrived.length > 0);
    expect(store.outbox.stats.messages).toBe(40);
    expect(arrived.length).toBeLessThanOrEqual(16);
    held.shift()!();
    await until(() => store.outbox.stats.messages === 39);
    expect(store.outbox.after(0, 1)[0]?.seq).toBe(2);
    // Without further acknowledgements the connection breaks: everything else is sent again, from the oldest on.
    const before = arrived.length;
    broker.cut();
    await until(() => arrived.length > before);
    expect(JSON.parse(arrived[before]!)).toMatchObject({ seq: 2 });
    expect(store.outbox.stats.messages).toBe(39);
    while (store.outbox.stats.messages > 0) {
      held.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it('delivers everything in order over connections that break again and again', async () => {
    const numbers: number[] = [];
    let broker: AedesBroker | undefined;
    const unreliable = new AedesBroker({
      authorizePublish: (_client, packet: PublishPacket, done) => {
        if (packet.topic.endsWith('/event')) {
          numbers.push((JSON.parse(packet.payload.toString()) as { seq: number }).seq);
          if (numbers.length % 97 === 0) broker?.cut();
        }
        done(null);
      },
    });
    broker = await started(unreliable);
    const link = newLink(broker.url, 4);
    link.start();
    for (let n = 1; n <= 1000; n++) link.publish('event', event(n));
    await until(() => store.outbox.stats.messages === 0);
    expect(link.status.connections).toBeGreaterThan(5);
    // Doubles may occur, gaps and other orders may not: a new number is always the next one.
    let highest = 0;
    for (const number of numbers) {
      expect(number).toBeLessThanOrEqual(highest + 1);
      highest = Math.max(highest, number);
    }
    expect(highest).toBe(1000);
  });

  it('goes on with the outbox of the program before it, killed at any moment', async () => {
    const broker = await started(new AedesBroker());
    const observer = await observing(broker.url);
    const file = fileURLToPath(new URL('link-process.ts', import.meta.url));
    let stored = 0;
    for (const boot of ['1', '2', '3']) {
      const device = spawnTypeScript(file, [broker.url, store.file, '4', boot, 'cam-1']);
      await device.line(`stored ${stored + 50}`);
      device.child.kill('SIGKILL');
      await device.ended;
      stored = Number(
        device
          .output()
          .match(/stored (\d+)(?=\n)/g)!
          .at(-1)!
          .split(' ')[1],
      );
    }
    store.reopen();
    const link = newLink(broker.url, 4, { bootSequence: 4 });
    link.start();
    await until(() => store.outbox.stats.messages === 0);
    const last = link.publish('event', event(0))!;
    await until(() => observer.on(`${ROOT}/event`).some(({ seq }) => seq === last));
    const seen = new Set(observer.on(`${ROOT}/event`).map(({ seq }) => Number(seq)));
    expect(last).toBeGreaterThan(stored);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  });

  it('tells in words that aedes does not speak MQTT 5, and goes on trying', async () => {
    const broker = await started(new AedesBroker());
    const link = newLink(broker.url, 5);
    link.start();
    await until(() => link.status.lastError !== null);
    expect(link.status).toMatchObject({ connected: false, connections: 0 });
    expect(link.status.lastError).toBe(
      `${broker.url} does not speak MQTT 5; set the protocol version to 4 (MQTT 3.1.1).`,
    );
  });

  it('gives its user name and password, and tells when they are refused', async () => {
    const broker = await started(
      new AedesBroker({
        authenticate: (_client, username, password, done) =>
          done(null, username === 'cam' && password?.toString() === 'secret'),
      }),
    );
    const wrong = newLink(broker.url, 4, { username: 'cam', password: 'guess' });
    wrong.start();
    await until(() => wrong.status.lastError !== null);
    expect(wrong.status.lastError).toMatch(/refuses this device .* check its user name and password/);
    expect(wrong.status.lastError).not.toContain('guess');
    await wrong.stop();
    const right = newLink(broker.url, 4, { username: 'cam', password: 'secret' });
    right.start();
    await until(() => right.status.connected);
    expect(right.status.lastError).toBeNull();
  });

  it.each(['', 'broker:1883', 'http://broker', 'mqtt://'])('refuses the address %j', (url) => {
    expect(() => newLink(url, 4)).toThrow(expect.objectContaining({ code: 'link-url-invalid' }));
  });

  it('refuses a device name with a wildcard, and a report that no hub would take', () => {
    expect(() => newLink('mqtt://127.0.0.1', 4, { device: 'cam/+' })).toThrow(
      expect.objectContaining({ code: 'id-invalid' }),
    );
    const link = newLink('mqtt://127.0.0.1', 4);
    expect(() => link.publish('result', { ...result, probability: 2 })).toThrow(
      expect.objectContaining({ code: 'report-invalid' }),
    );
    expect(() => link.publish('result', { ...result, task: '#' })).toThrow(
      expect.objectContaining({ code: 'id-invalid' }),
    );
    expect(store.outbox.stats.messages).toBe(0);
  });
});

describe('the link, over MQTT 5', () => {
  it('drops a message that the broker will never take, tells it, and delivers the others', async (context) => {
    if (!mosquitto.runs) context.skip(mosquitto.reason);
    const broker = await started(new MosquittoBroker(['max_packet_size 2000']));
    const observer = await observing(broker.url);
    const link = newLink(broker.url, 5);
    link.start();
    link.publish('event', event(1));
    link.publish('event', { ...event(2), message: 'x'.repeat(3000) });
    link.publish('event', event(3));
    await until(() => store.outbox.stats.messages === 0);
    await until(() => observer.on(`${ROOT}/event`).length === 2);
    expect(observer.on(`${ROOT}/event`).map(({ seq }) => seq)).toEqual([1, 3]);
    expect(store.outbox.stats.dropped).toBe(1);
    expect(link.status.connections).toBe(1);
  });
});
