import { connect, createServer } from 'node:net';
import mqtt, { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../link/until.js';
import { HubFixture } from './hub-fixture.js';

let hub: HubFixture | undefined;

afterEach(async () => {
  await hub?.remove();
  hub = undefined;
});

async function started(settings: object = {}): Promise<HubFixture> {
  hub = new HubFixture(settings);
  await hub.start();
  return hub;
}

/** Connects once, and tells how it ended: undefined when it was let in. */
async function refusal(url: string, options: mqtt.IClientOptions): Promise<unknown> {
  const client = mqtt.connect(url, { reconnectPeriod: 0, ...options });
  const outcome = await new Promise<unknown>((resolve) => {
    client.once('connect', () => resolve(undefined));
    client.once('error', resolve);
  });
  await client.endAsync(true);
  return outcome;
}

describe("the hub's broker", () => {
  it('speaks MQTT 3.1.1, and refuses MQTT 5 with CONNACK return code 1 (unacceptable protocol version)', async () => {
    const { mqttUrl } = await started();
    expect(await refusal(mqttUrl, { protocolVersion: 4 })).toBeUndefined();
    expect(await refusal(mqttUrl, { protocolVersion: 5 })).toMatchObject({
      code: 1,
      message: 'Connection refused: Unacceptable protocol version',
    });
  });

  it('lets in only who gives the user name and the password, when they are set', async () => {
    const { mqttUrl } = await started({ mqtt: { port: 0, username: 'fleet', password: 'moss' } });
    expect(await refusal(mqttUrl, { username: 'fleet', password: 'moss' })).toBeUndefined();
    expect(await refusal(mqttUrl, { username: 'fleet', password: 'mosS' })).toMatchObject({ code: 4 });
    expect(await refusal(mqttUrl, { username: 'fleet' })).toMatchObject({ code: 4 });
    expect(await refusal(mqttUrl, {})).toMatchObject({ code: 4 });
  });

  it('passes on messages that are none of its business, and keeps its own topics to itself', async () => {
    const { mqttUrl } = await started();
    const reader = await connectAsync(mqttUrl);
    const got: string[] = [];
    reader.on('message', (topic, payload) => got.push(`${topic} ${payload.toString()}`));
    await reader.subscribeAsync('garden/#', { qos: 1 });
    const writer = await connectAsync(mqttUrl, { reconnectPeriod: 0 });
    await writer.publishAsync('garden/soil', 'dry', { qos: 1 });
    await writer.publishAsync('garden/rain', 'no', { qos: 2 });
    await until(() => got.length === 2);
    expect(got).toEqual(['garden/soil dry', 'garden/rain no']);
    const closed = new Promise<void>((resolve) => writer.once('close', () => resolve()));
    writer.publish('$SYS/fake', 'x');
    await closed;
    await Promise.all([reader.endAsync(true), writer.endAsync(true)]);
  });

  it('survives bytes that are not MQTT', async () => {
    const { mqttUrl, config } = await started();
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x10\xff\xff\xff\xff\xff', '\x30\x02\x00\x00']) {
      const socket = connect(config.mqtt.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(await refusal(mqttUrl, {})).toBeUndefined();
  });

  it('says which port is taken, and what to set', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    try {
      for (const room of ['mqtt', 'http']) {
        const fixture = new HubFixture({ [room]: { port } });
        await expect(fixture.start()).rejects.toMatchObject({
          code: 'port-unavailable',
          message: expect.stringMatching(new RegExp(`127.0.0.1:${port}.*${room}.port`)),
        });
        await fixture.remove();
      }
    } finally {
      other.close();
    }
  });

  it('ends cleanly while devices are connected, and again at once', async () => {
    const fixture = await started();
    const { link } = fixture.device('cam');
    link.start();
    await until(() => link.status.connected);
    const silent = connect(fixture.config.mqtt.port, '127.0.0.1');
    silent.on('error', () => undefined);
    await new Promise<void>((resolve) => silent.once('connect', () => resolve()));
    await fixture.stopHub();
    await until(() => !link.status.connected);
    await fixture.start();
    await until(() => link.status.connected);
    const running = await fixture.get('/api/devices/cam');
    expect(running.status).toBe(200);
    await fixture.stopHub();
  });
});
