import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import { adapter, event, metrics, result, sources } from '../link/examples.js';
import { until } from '../link/until.js';
import { HubFixture } from './hub-fixture.js';

let hub: HubFixture;

beforeEach(async () => {
  hub = new HubFixture();
  await hub.start();
});

afterEach(async () => {
  await hub.remove();
});

async function isOnline(device: string): Promise<void> {
  while ((await hub.get(`/api/devices/${device}`)).body.state !== 'online') {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('reading', () => {
  it('shows what devices reported', async () => {
    const { link, store } = hub.device('cam');
    link.start();
    link.publish('metrics', metrics);
    link.publish('result', result);
    link.publish('adapter', adapter);
    link.publish('event', event(1));
    await until(() => store.outbox.stats.messages === 0);
    const { status, body } = await hub.get('/api/devices');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      devices: [{ device: 'cam', state: 'online', tasks: [{ task: 'tops', adapter: { version: 3 } }] }],
      totals: { devices: 1, online: 1, accepted: 5, doubles: 0, rejected: 0 },
      rejections: [],
    });
    const one = await hub.get('/api/devices/cam');
    expect(one.body).toMatchObject({
      device: 'cam',
      events: [
        { kind: 'test', message: 'event 1', origin: 'device' },
        { kind: 'online', origin: 'hub' },
      ],
      results: { tops: [{ label: 'shirt', probability: 0.97 }] },
    });
    expect((await hub.get('/healthz')).body).toMatchObject({ status: 'ok', devices: 1, online: 1 });
  });

  it.each([
    ['/api/devices/nobody', 404, 'device-unknown'],
    ['/api/devices/a%2Fb', 400, 'id-invalid'],
    ['/nothing', 404, 'not-found'],
  ])('%s answers %i %s', async (path, status, code) => {
    const answer = await hub.get(path);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error: { code } });
  });

  it('gives Prometheus the numbers of hub, devices, tasks and sources', async () => {
    const { link, store } = hub.device('cam');
    link.start();
    link.publish('metrics', { ...metrics, sources });
    await until(() => store.outbox.stats.messages === 0);
    const response = await fetch(`${hub.url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    expect(text).toContain(
      '# TYPE lichen_task_accuracy gauge\nlichen_task_accuracy{device="cam",task="tops"} 0.925\n',
    );
    expect(text).toContain('lichen_device_up{device="cam"} 1\n');
    expect(text).toContain('lichen_device_replay_cap_bytes{device="cam"} 50000000\n');
    expect(text).toContain('lichen_hub_messages_total{outcome="accepted"} 2\n');
    const door = '{device="cam",source="door",kind="ffmpeg"}';
    const { frames, delivered, duplicates, blurred, dropped, bad, restarts } = sources[0]!;
    const counted = { frames, delivered, duplicates, blurred, dropped, bad, restarts };
    for (const [name, value] of Object.entries(counted)) {
      expect(text).toContain(`# TYPE lichen_source_${name}_total counter\n`);
      expect(text).toContain(`lichen_source_${name}_total${door} ${value}\n`);
    }
    expect(text).toContain('lichen_source_bad_total{device="cam",source="inbox",kind="directory"} 1\n');
    expect(text.match(/^lichen_source_last_frame_timestamp_seconds\{.*$/gm)).toEqual([
      `lichen_source_last_frame_timestamp_seconds${door} ${Date.parse('2026-11-01T10:05:00Z') / 1000}`,
    ]);
    for (const line of text.trim().split('\n')) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\} [0-9.e+-]+)$/,
      );
    }
  });
});

describe('a request', () => {
  it("brings back the device's answer", async () => {
    const { link } = hub.device('cam');
    link.onRequest('train', async ({ task }) => ({ trained: task }));
    link.start();
    await isOnline('cam');
    const { status, body } = await hub.post('/api/devices/cam/request/train', { task: 'tops' });
    expect(status).toBe(200);
    expect(body).toEqual({
      transaction: expect.stringMatching(/^[0-9a-f-]{36}$/),
      data: { trained: 'tops' },
    });
  });

  it('keeps concurrent requests apart', async () => {
    const { link } = hub.device('cam');
    const { link: other } = hub.device('other');
    const waiting: (() => void)[] = [];
    link.onRequest('close', ({ task }) => new Promise((resolve) => waiting.push(() => resolve(task))));
    other.onRequest('close', ({ task }) => `other ${task}`);
    link.start();
    other.start();
    await Promise.all([isOnline('cam'), isOnline('other')]);
    const first = hub.post('/api/devices/cam/request/close', { task: 'a' });
    await until(() => waiting.length === 1);
    const second = hub.post('/api/devices/cam/request/close', { task: 'b' });
    await until(() => waiting.length === 2);
    expect((await hub.post('/api/devices/other/request/close', { task: 'c' })).body.data).toBe('other c');
    for (const answer of waiting.reverse()) answer();
    expect((await first).body.data).toBe('a');
    expect((await second).body.data).toBe('b');
  });

  it('that the device refuses answers 422 with its reason', async () => {
    const { link } = hub.device('cam');
    link.onRequest('rollback', ({ task }) => {
      throw new LichenError('task-unknown', `There is no task '${task}'.`);
    });
    link.start();
    await isOnline('cam');
    const { status, body } = await hub.post('/api/devices/cam/request/rollback', { task: 'x' });
    expect(status).toBe(422);
    expect(body.error).toEqual({
      code: 'device-refused',
      message: "cam refused rollback: There is no task 'x'. (task-unknown)",
    });
    const unknown = await hub.post('/api/devices/cam/request/train');
    expect(unknown.body.error).toMatchObject({ message: expect.stringContaining('(verb-unknown)') });
  });

  it('answers 504 when the device does not answer in time, and takes no harm from a late answer', async () => {
    const { link, store } = hub.device('cam');
    let finish = (): void => undefined;
    link.onRequest('status', () => new Promise<void>((resolve) => (finish = resolve)));
    link.start();
    await isOnline('cam');
    const { status, body } = await hub.post('/api/devices/cam/request/status', { timeoutSeconds: 0.05 });
    expect(status).toBe(504);
    expect(body).toMatchObject({ error: { code: 'request-timeout' } });
    finish();
    await until(() => store.outbox.lastSeq === 1 && store.outbox.stats.messages === 0);
    expect((await hub.get('/healthz')).status).toBe(200);
  });

  it('to a device that is away, unknown, or with a bad body is refused at once', async () => {
    const { link } = hub.device('cam');
    link.start();
    await isOnline('cam');
    await link.stop();
    const refusals: [string, unknown, number, string][] = [
      ['/api/devices/cam/request/train', {}, 409, 'device-offline'],
      ['/api/devices/nobody/request/train', {}, 404, 'device-unknown'],
      ['/api/devices/cam/request/explode', {}, 404, 'verb-unknown'],
      ['/api/devices/cam/request/rollback', {}, 400, 'payload-invalid'],
      ['/api/devices/cam/request/train', { timeoutSeconds: -1 }, 400, 'body-invalid'],
      ['/api/devices/cam/request/train', 'text', 400, 'body-invalid'],
      ['/api/devices/a%20b/request/train', {}, 400, 'id-invalid'],
    ];
    for (const [path, body, status, code] of refusals) {
      const answer = await hub.post(path, body);
      expect([path, answer.status, (answer.body.error as { code: string }).code]).toEqual([
        path,
        status,
        code,
      ]);
    }
  });

  it("from another site's page is refused", async () => {
    const call = (headers: Record<string, string>) =>
      hub.call('/api/devices/cam/request/train', { method: 'POST', headers });
    expect((await call({ origin: 'http://evil.example' })).body.error).toMatchObject({
      code: 'cross-origin',
    });
    expect((await call({ origin: 'null' })).status).toBe(403);
    expect((await call({ origin: hub.url })).body.error).toMatchObject({ code: 'device-unknown' });
  });

  it('that still waits when the hub stops is answered', async () => {
    const { link } = hub.device('cam');
    let asked = false;
    link.onRequest('status', () => {
      asked = true;
      return new Promise(() => undefined);
    });
    link.start();
    await isOnline('cam');
    const waiting = hub.post('/api/devices/cam/request/status');
    await until(() => asked);
    await hub.stopHub();
    expect(await waiting).toMatchObject({ status: 503, body: { error: { code: 'hub-stopping' } } });
  });
});
