import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleId } from '../../src/backbone/latents.js';
import type { SourceStatus } from '../../src/capture/counters.js';
import { MjpegServer } from '../capture/mjpeg-server.js';
import { ffmpeg } from '../capture/programs.js';
import { LABELS, shot } from '../capture/scenes.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { Daemon } from './daemon.js';
import { photographs } from './pictures.js';

const scratch = scratchFolder();
const TOKEN = 'a token of the device';
let server: MjpegServer;
let daemon: Daemon;

beforeEach(async () => {
  server = new MjpegServer();
  await server.start();
});
afterEach(async () => {
  await daemon?.stop();
  await server.stop();
});

/** A daemon that was taught what bags and sandals look like, from a folder. */
async function startTaught(sources: readonly Record<string, unknown>[], more = {}): Promise<void> {
  for (const label of LABELS) {
    mkdirSync(scratch.path('teach', label), { recursive: true });
    for (let i = 0; i < 8; i++) writeFileSync(scratch.path('teach', label, `${i}.jpg`), await shot(label, i));
  }
  daemon = await Daemon.start(scratch.path('store'), {
    sources: [
      {
        kind: 'directory',
        name: 'teach',
        path: scratch.path('teach'),
        layout: 'class',
        task: 'goods',
        settle: '20 ms',
      },
      ...sources,
    ],
    learn: { newLabels: 1000 },
    ...more,
  });
  await until(() => daemon.agent.store.seen.count() >= 16);
}

const statusOf = (name: string): SourceStatus =>
  daemon.agent.metrics().sources!.find((s) => s.source === name)!;

/** Shows a picture to the camera until a condition holds. */
async function show(picture: Buffer, done: () => boolean): Promise<void> {
  while (!done()) {
    server.send(picture);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('a camera through ffmpeg', () => {
  beforeEach((test) => {
    if (!ffmpeg.runs) test.skip(ffmpeg.reason);
  });

  it('is answered like a picture of a folder; what it sees twice is answered once, and counted', async () => {
    await startTaught([{ kind: 'ffmpeg', name: 'door', input: server.url, rate: 5, task: 'goods' }]);
    const results = () => daemon.observer.on('lichen/v1/cam/result/goods');
    for (const [i, label] of (['bag', 'sandal', 'bag'] as const).entries()) {
      await show(await shot(label, 20 + i), () => results().length > i);
      expect(results()[i]).toMatchObject({ task: 'goods', label, source: 'door', version: 'instant' });
    }
    await show(await shot('bag', 22), () => statusOf('door').duplicates >= 2);
    expect(results()).toHaveLength(3);
    const reported = (await daemon.ask('status')).data as { sources: SourceStatus[] };
    const { source, kind, delivered, bad, restarts, lastError } = reported.sources[1]!;
    expect({ source, kind, delivered, bad, restarts, lastError }).toEqual({
      ...{ source: 'door', kind: 'ffmpeg', delivered: 3 },
      ...{ bad: 0, restarts: 0, lastError: null },
    });
    expect(daemon.agent.openTasks()).toEqual(['goods']);
  });

  it('is taught by a message: the next picture is a labelled sample', async () => {
    const trigger = { message: { topic: 'home/door' } };
    await startTaught([{ kind: 'ffmpeg', name: 'door', input: server.url, rate: 5, task: 'goods', trigger }]);
    const memory = () => daemon.agent.metrics().replay.samples;
    const before = memory();
    const picture = await shot('sneaker', 3);
    await show(picture, () => statusOf('door').frames > 0);
    expect(statusOf('door').triggered).toBe(0);
    await show(picture, () => {
      if (memory() === before) daemon.observer.client.publish('home/door', '{"label": "sneaker"}');
      return memory() > before;
    });
    expect(daemon.agent.store.tasks.require('goods').classes).toContain('sneaker');
    expect(daemon.observer.on('lichen/v1/cam/result/goods')).toEqual([]);
  });

  it('that is away is an event, and so is that it works again', async () => {
    await startTaught([{ kind: 'ffmpeg', name: 'door', input: server.url, stall: '1 s', task: 'goods' }]);
    expect(await daemon.event('source-failed')).toMatchObject({
      severity: 'warning',
      message: expect.stringMatching(/^door: ffmpeg gave nothing for 3 s/),
    });
    const picture = await shot('bag', 1);
    await show(picture, () => daemon.events('source-works').length > 0);
    expect(statusOf('door').restarts).toBeGreaterThan(0);
  });
});

describe('pictures over MQTT', () => {
  it('are answered: of each camera that a filter names, in bytes or base64', async () => {
    await startTaught([{ kind: 'mqtt', name: 'frigate', topic: 'frigate/+/person/snapshot', task: 'goods' }]);
    const results = () => daemon.observer.on('lichen/v1/cam/result/goods');
    const publish = (camera: string, payload: Buffer | string) =>
      daemon.observer.client.publishAsync(`frigate/${camera}/person/snapshot`, payload, {
        qos: 1,
        retain: true,
      });
    const [bag, sandal] = [await shot('bag', 20), await shot('sandal', 20)];
    await publish('yard', bag);
    await until(() => results().length >= 1);
    await publish('gate', sandal.toString('base64'));
    await until(() => results().length >= 2);
    await publish('roof', `data:image/jpeg;base64,${sandal.toString('base64')}`);
    await until(() => results().length >= 3);
    expect(results().map((r) => [r.label, r.source, r.sample])).toEqual([
      ['bag', 'frigate: frigate/yard/person/snapshot', sampleId(bag)],
      ['sandal', 'frigate: frigate/gate/person/snapshot', sampleId(sandal)],
      ['sandal', 'frigate: frigate/roof/person/snapshot', sampleId(sandal)],
    ]);
    await publish('yard', 'no picture at all, but long enough');
    await until(() => statusOf('frigate').bad === 1);
    await publish('yard', '');
    await publish('yard', await shot('sandal', 21));
    await until(() => results().length >= 4);
  });
});

describe('pictures that are posted', () => {
  const post = async (
    path: string,
    body: Uint8Array<ArrayBuffer> | string | undefined,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(`http://127.0.0.1:${daemon.agent.page?.port}${path}`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'image/jpeg', ...headers },
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const bodyOf = (bytes: Buffer) => new Uint8Array(bytes);
  const http = { http: { port: 0, token: TOKEN } };

  it('are answered at once, or learned where they come with a label', async () => {
    await startTaught([{ kind: 'http-post', name: 'gate', task: 'goods' }], http);
    const bag = await shot('bag', 20);
    const answered = await post('/pictures/gate', bodyOf(bag));
    expect(answered).toMatchObject({
      status: 200,
      body: { sample: sampleId(bag), answer: { task: 'goods', label: 'bag', version: 'instant' } },
    });
    const [result] = daemon.observer.on('lichen/v1/cam/result/goods');
    expect(result ?? (await daemon.message((t) => t.endsWith('/result/goods')))).toMatchObject({
      source: 'gate',
    });
    const boot = await shot('ankle-boot', 1);
    expect(await post('/pictures/gate?label=boot', bodyOf(boot))).toEqual({
      status: 200,
      body: { sample: sampleId(boot) },
    });
    expect(daemon.agent.store.tasks.require('goods').classes).toContain('boot');
    expect(statusOf('gate')).toMatchObject({ frames: 2, delivered: 2, bad: 0 });
  });

  it('go to the task that the owner has chosen where they name none, with a label and without', async () => {
    await startTaught([{ kind: 'http-post', name: 'gate' }], http);
    for (const label of ['coat', 'dress']) {
      for (const { bytes } of photographs(label, 3, { task: 'tops' })) {
        expect((await post(`/pictures/gate?task=tops&label=${label}`, bodyOf(bytes))).status).toBe(200);
      }
    }
    const taskOf = async (bytes: Buffer) => {
      const { body } = await post('/pictures/gate', bodyOf(bytes));
      return (body.answer as { task: string }).task;
    };
    const samples = (task: string) => daemon.agent.metrics().tasks.find((t) => t.task === task)!.samples;
    const [bag, shirt] = [await shot('bag', 20), photographs('shirt', 1, { task: 'tops' })[0]!.bytes];
    for (const chosen of ['tops', 'goods']) {
      daemon.agent.select(chosen);
      expect([await taskOf(bag), await taskOf(shirt)]).toEqual([chosen, chosen]);
    }
    daemon.agent.select('tops');
    const before = [samples('tops'), samples('goods')];
    expect((await post('/pictures/gate?label=shirt', bodyOf(shirt))).status).toBe(200);
    expect([samples('tops'), samples('goods')]).toEqual([before[0]! + 1, before[1]]);
    expect(daemon.agent.store.tasks.require('tops').classes).toContain('shirt');
    // What the request itself names goes first.
    expect((await post('/pictures/gate?label=bag&task=goods', bodyOf(await shot('bag', 21)))).status).toBe(
      200,
    );
    expect(samples('goods')).toBe(before[1]! + 1);
    daemon.agent.select(undefined);
    const none = await post('/pictures/gate?label=shirt', bodyOf(shirt));
    expect(none).toMatchObject({ status: 400, body: { error: { code: 'task-missing' } } });
  });

  it('are refused with a reason', async () => {
    await startTaught(
      [
        { kind: 'http-post', name: 'gate', maxBytes: '50 kB' },
        { kind: 'http-post', name: 'yard', teach: false, task: 'goods' },
      ],
      http,
    );
    const bag = bodyOf(await shot('bag', 20));
    const codeOf = async (answer: ReturnType<typeof post>) => {
      const { status, body } = await answer;
      return [status, (body.error as { code: string }).code];
    };
    expect(await codeOf(post('/pictures/gate', bag, { authorization: 'Bearer wrong' }))).toEqual([
      401,
      'unauthorized',
    ]);
    expect(await codeOf(post('/pictures/gate', bag, { authorization: '' }))).toEqual([401, 'unauthorized']);
    expect(await codeOf(post('/pictures/gate', bag, { origin: 'https://evil.example' }))).toEqual([
      403,
      'cross-origin',
    ]);
    expect(await codeOf(post('/pictures/nowhere', bag))).toEqual([404, 'not-found']);
    expect(await codeOf(post('/pictures/gate', undefined))).toEqual([400, 'body-invalid']);
    expect(await codeOf(post('/pictures/gate', new Uint8Array(60_000)))).toEqual([413, 'request-invalid']);
    expect(await codeOf(post('/pictures/gate', 'no picture'))).toEqual([422, 'picture-set-aside']);
    expect(await codeOf(post('/pictures/gate?label=a', bag))).toEqual([400, 'task-missing']);
    expect(await codeOf(post('/pictures/gate?label=a&task=b/c', bag))).toEqual([400, 'query-invalid']);
    expect(await codeOf(post('/pictures/yard?label=a', bag))).toEqual([400, 'teaching-off']);
    const health = await fetch(`http://127.0.0.1:${daemon.agent.page?.port}/healthz`);
    expect(await health.json()).toEqual({ status: 'ok' });
    expect(statusOf('gate')).toMatchObject({ bad: 1, delivered: 0 });
  });

  it('need a web server, which needs a token', async () => {
    const start = (settings: Record<string, unknown>) =>
      Daemon.start(scratch.path('other'), { sources: [{ kind: 'http-post', name: 'gate' }], ...settings });
    await expect(start({})).rejects.toThrow(/The source 'gate' takes pictures over HTTP.*Set http.port/);
    await expect(start({ http: { port: 0 } })).rejects.toThrow(/posted need a `token`/);
    await expect(start({ http: { port: 0, token: 'short' } })).rejects.toThrow(/at least 16 characters/);
    await startTaught([]);
    expect(daemon.agent.page?.port).toBeUndefined();
  });
});
