import { fileURLToPath } from 'node:url';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeReport } from '../../src/link/encode.js';
import { event } from '../link/examples.js';
import { until } from '../link/until.js';
import { spawnTypeScript, type TypeScriptProcess } from '../spawn-typescript.js';
import { HubFixture } from './hub-fixture.js';

let hub: HubFixture;
let child: TypeScriptProcess | undefined;

beforeEach(() => {
  hub = new HubFixture({ keep: { events: 1_000_000 } });
});

afterEach(async () => {
  child?.child.kill('SIGKILL');
  await child?.ended;
  await hub.remove();
});

/** Starts the hub as a process, on the ports that it had before. */
async function startProcess(): Promise<TypeScriptProcess> {
  const started = spawnTypeScript(fileURLToPath(new URL('hub-process.ts', import.meta.url)), [
    JSON.stringify(hub.config),
  ]);
  child = started;
  const [, mqttPort, httpPort] = (await started.line('ready')).split(' ').map(Number) as [
    number,
    number,
    number,
  ];
  hub.config = {
    ...hub.config,
    mqtt: { ...hub.config.mqtt, port: mqttPort },
    http: { ...hub.config.http, port: httpPort },
  };
  return started;
}

/** (device, seq) of every event in the database, in the order in which they were written. */
function stored(): string[] {
  const database = hub.database();
  try {
    return database
      .prepare<{ device: string; seq: number }>(
        "SELECT device, seq FROM events WHERE origin = 'device' ORDER BY id",
      )
      .all()
      .map(({ device, seq }) => `${device} ${seq}`);
  } finally {
    database.close();
  }
}

function send(client: MqttClient, device: string, seq: number, acknowledged: (key: string) => void): void {
  const payload = encodeReport({ device, store: 's', boot: 1 }, 'event', event(seq), seq);
  client.publish(`lichen/v1/${device}/event`, payload, { qos: 1 }, (error) => {
    if (!error) acknowledged(`${device} ${seq}`);
  });
}

describe('a hub that is killed', () => {
  it('has every message whose PUBACK arrived, once, however often they are sent', async () => {
    const acknowledged = new Set<string>();
    const devices = ['a', 'b', 'c'];
    // The highest number that each device has seen acknowledged, and so need not send again.
    const done = new Map(devices.map((device) => [device, 0]));
    const note = (key: string) => {
      acknowledged.add(key);
      const [device, seq] = key.split(' ') as [string, string];
      done.set(device, Math.max(done.get(device)!, Number(seq)));
    };
    for (let round = 1; round <= 4; round++) {
      const { child: process, ended } = await startProcess();
      const clients: MqttClient[] = [];
      for (const device of devices) {
        const client = await connectAsync(hub.mqttUrl, { clientId: device, reconnectPeriod: 0 });
        client.on('error', () => undefined);
        clients.push(client);
        // From five before the last acknowledged one: doubles, as after a lost PUBACK.
        for (let seq = Math.max(1, done.get(device)! - 5); seq <= round * 1000; seq++) {
          send(client, device, seq, note);
        }
      }
      // In the middle of the stream: every device still has messages on their way.
      const before = acknowledged.size;
      await until(() => acknowledged.size >= before + 700);
      process.kill('SIGKILL');
      await ended;
      await Promise.all(clients.map((client) => client.endAsync(true)));
      const rows = stored();
      expect(new Set(rows).size).toBe(rows.length);
      const have = new Set(rows);
      expect([...acknowledged].filter((key) => !have.has(key))).toEqual([]);
    }
    expect(acknowledged.size).toBeGreaterThanOrEqual(2800);
  });

  it('gets from a device with an outbox every event, once and in order, over several kills', async () => {
    let running = await startProcess();
    const { link, store } = hub.device('cam');
    link.start();
    let published = 0;
    for (let kill = 0; kill < 4; kill++) {
      const target = published + 400;
      while (published < target) {
        link.publish('event', event(++published));
        if (published % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      running.child.kill('SIGKILL');
      await running.ended;
      for (let n = 0; n < 50; n++) link.publish('event', event(++published));
      running = await startProcess();
    }
    await until(() => store.outbox.stats.messages === 0);
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    expect(stored()).toEqual(Array.from({ length: published }, (_, index) => `cam ${index + 1}`));
  });

  it('still has its retained messages, with every device offline until it comes back', async () => {
    let running = await startProcess();
    const { link } = hub.device('cam');
    link.start();
    await until(() => link.status.connected);
    const client = await connectAsync(hub.mqttUrl);
    await client.publishAsync('homeassistant/device/cam/config', '{"o":{}}', { qos: 1, retain: true });
    await client.publishAsync('lichen/v1/other/request/train', '{"v":1,"transaction":"t"}', {
      qos: 1,
      retain: true,
    });
    await client.endAsync();
    running.child.kill('SIGKILL');
    await running.ended;
    await link.stop();
    running = await startProcess();
    const messages: string[] = [];
    const reader = await connectAsync(hub.mqttUrl);
    reader.on('message', (topic, payload, { retain }) => {
      if (retain)
        messages.push(`${topic} ${topic.endsWith('state') ? JSON.parse(payload.toString()).state : payload}`);
    });
    await reader.subscribeAsync(['lichen/#', 'homeassistant/#'], { qos: 1 });
    await until(() => messages.length >= 2);
    await reader.publishAsync('x', 'x', { qos: 1 });
    await reader.endAsync();
    expect(messages.sort()).toEqual([
      'homeassistant/device/cam/config {"o":{}}',
      'lichen/v1/cam/state offline',
    ]);
    expect((await hub.get('/api/devices')).body).toMatchObject({
      devices: [{ device: 'cam', state: 'offline' }],
    });
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
  });
});
