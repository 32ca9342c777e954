import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  EventView,
  Labelled,
  Overview,
  PrivacyView,
  QueueView,
  RecordingView,
  SessionView,
  TaskDetail,
} from '../../src/label/api.js';
import { eventText } from '../../src/label/page/i18n/event-text.js';
import { Passwords, passwordFileOf } from '../../src/label/passwords.js';
import type { SettingsView } from '../../src/label/settings-api.js';
import { Daemon } from '../agent/daemon.js';
import { photographs } from '../agent/pictures.js';
import { scratchFolder } from '../store/scratch.js';
import { Owner } from './owner.js';

const PASSWORD = 'a long enough one';
const TOKEN = '0123456789abcdef';
const scratch = scratchFolder();
let daemon: Daemon;
let owner: Owner;

/** Starts a device, with a way to put pictures before it where a token is given. */
async function start(token?: string): Promise<void> {
  daemon = await Daemon.start(scratch.path('store'), {
    http: { port: 0, token },
    sources: token === undefined ? [] : [{ kind: 'http-post', name: 'cam' }],
    learn: { newLabels: 1000 },
  });
  owner = new Owner(daemon.agent.page!.port!);
}
afterEach(async () => {
  await daemon.stop();
});

/** Puts a picture before the device. */
async function show(bytes: Buffer): Promise<{ sample: string }> {
  const authorization = `Bearer ${TOKEN}`;
  const response = await fetch(`${owner.base}/pictures/cam`, {
    method: 'POST',
    body: new Uint8Array(bytes),
    headers: { authorization },
  });
  expect(response.status).toBe(200);
  return (await response.json()) as { sample: string };
}

/** Sets a first password by another name of the device, one that is too short. */
function statusByName(host: string): Promise<number> {
  const { port } = daemon.agent.page!;
  return new Promise((resolve, reject) => {
    const headers = { host: `${host}:${port}`, 'content-type': 'application/json' };
    const options = { port, host: '127.0.0.1', path: '/api/session/first', method: 'POST', headers };
    request(options, (response) => resolve(response.resume().statusCode!))
      .once('error', reject)
      .end('{"password": "short"}');
  });
}

const teach = async (kind: string, label: string, from: number, to: number) => {
  for (const { bytes } of photographs(kind, to).slice(from)) {
    const { sample } = await show(bytes);
    await owner.done('POST', '/api/labels', { sample, task: 'goods', label });
  }
};

describe('the owner', () => {
  beforeEach(() => start());

  it('sets the first password from the device, and nobody sees anything without it', async () => {
    expect(await owner.done<SessionView>('GET', '/api/session')).toMatchObject({
      state: 'first',
      local: true,
    });
    for (const path of ['/api/overview', '/api/queue', '/api/live', '/api/privacy', '/api/pictures/x']) {
      expect((await owner.ask('GET', path)).status).toBe(401);
    }
    expect((await owner.ask('POST', '/api/session/first', { password: 'short' })).data.error).toMatchObject({
      code: 'password-invalid',
    });
    expect(await owner.enter(PASSWORD, true)).toMatchObject({ state: 'open' });
    const again = new Owner(daemon.agent.page!.port!);
    expect((await again.ask('POST', '/api/session/first', { password: 'another one' })).status).toBe(409);
    expect((await again.ask('POST', '/api/session', { password: 'wrong one' })).status).toBe(403);
    await again.enter(PASSWORD);
    expect(await again.done<Overview>('GET', '/api/overview')).toMatchObject({ device: 'cam', tasks: [] });
    const file = readFileSync(scratch.path('store', 'page-password'), 'utf8');
    expect(file).not.toContain(PASSWORD);
  });

  it('is asked for the token of the session with whatever changes something', async () => {
    await owner.enter(PASSWORD, true);
    const without = { 'x-csrf-token': '' };
    expect((await owner.ask('POST', '/api/tasks', { task: 'goods' }, without)).status).toBe(403);
    expect((await owner.ask('POST', '/api/tasks', { task: 'goods' }, { origin: 'http://evil' })).status).toBe(
      403,
    );
    expect((await owner.ask('POST', '/api/tasks', { task: 'goods' })).status).toBe(200);
    expect((await owner.ask('POST', '/api/tasks', { task: 'goods' })).status).toBe(409);
    expect((await owner.ask('POST', '/api/tasks', { task: 'a/b' })).data.error!.message).toContain('task:');
    await owner.done('DELETE', '/api/session');
    expect((await owner.ask('GET', '/api/overview')).status).toBe(401);
  });

  it('alone can reach the device until there is a password, then everybody in the network can', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((i) => i && i.family === 'IPv4' && !i.internal)?.address;
    const outside = () => fetch(`http://${address}:${daemon.agent.page!.port}/healthz`).then((r) => r.status);
    if (address) await expect(outside()).rejects.toThrow();
    // A name that somebody else made point here is not the device's own.
    expect(await statusByName('evil.example')).toBe(403);
    expect(await statusByName('localhost')).toBe(400);
    await owner.enter(PASSWORD, true);
    if (address) expect(await outside()).toBe(200);
    expect((await owner.ask('GET', '/api/overview')).status).toBe(200);
  });

  it('logs everybody out when another one is set, on the page or beside the agent, and ends what they watch', async () => {
    await owner.enter(PASSWORD, true);
    const other = new Owner(daemon.agent.page!.port!);
    await other.enter(PASSWORD);
    const watching = other.live(Number.POSITIVE_INFINITY);
    const streams = async () =>
      (await owner.done<PrivacyView>('GET', '/api/privacy')).served.filter((s) => s.kind === 'page-live');
    while ((await streams()).length === 0);
    const password = 'another long one';
    expect((await owner.ask('POST', '/api/session/password', { before: PASSWORD, password })).status).toBe(
      200,
    );
    // It ends by itself.
    expect((await watching).length).toBeGreaterThan(0);
    expect((await other.ask('GET', '/api/overview')).status).toBe(401);
    await owner.enter(password);
    expect((await owner.ask('GET', '/api/overview')).status).toBe(200);
    await new Passwords(passwordFileOf(scratch.path('store'))).set('one from the console');
    expect((await owner.ask('GET', '/api/overview')).status).toBe(401);
    await owner.enter('one from the console');
    expect((await owner.ask('GET', '/api/overview')).status).toBe(200);
  });

  it('is asked before a body is read', async () => {
    await owner.enter(PASSWORD, true);
    const { port } = daemon.agent.page!;
    const answers = (path: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': 500_000 };
        const asked = request({ port, path, method: 'PUT', headers });
        asked.once('error', reject);
        asked.once('response', (response) => {
          resolve(response.statusCode!);
          asked.destroy();
        });
        // The rest never comes.
        asked.write('{"rows":');
      });
    expect(await answers('/api/settings/list')).toBe(401);
    expect(await answers('/nowhere')).toBe(413);
    const rows = Array(20).fill({ from: null, set: { url: `http://${'a'.repeat(10_000)}` } });
    const { data } = await owner.ask('PUT', '/api/settings/list', { key: 'webhooks', stamp: '', rows });
    expect(data.error?.code).toBe('settings-read-only');
  });

  it('may try ten times', async () => {
    await owner.enter(PASSWORD, true);
    const stranger = new Owner(daemon.agent.page!.port!);
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) {
      statuses.push((await stranger.ask('POST', '/api/session', { password: 'guess' })).status);
    }
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(403));
    expect(statuses[10]).toBe(429);
  });
});

describe('teaching', () => {
  beforeEach(async () => {
    await start(TOKEN);
    await owner.enter(PASSWORD, true);
  });

  it('a label changes the answer at once, a correction and undoing it, too', async () => {
    await teach('bag', 'bag', 0, 3);
    await teach('sandal', 'sandal', 0, 3);
    const { sample } = await show(photographs('trouser', 1)[0]!.bytes);
    const first = await owner.done<Labelled>('POST', '/api/labels', {
      sample,
      task: 'goods',
      label: 'trouser',
    });
    expect(first.answer).toMatchObject({ task: 'goods', label: 'trouser', version: 'instant' });
    expect(first.undo).toMatchObject({ kind: 'label', label: 'trouser', pictures: 1 });
    const classes = () => daemon.agent.store.tasks.require('goods').classes;
    expect(classes()).toEqual(['bag', 'sandal', 'trouser']);
    // Corrected, and back.
    const corrected = await owner.done<Labelled>('POST', '/api/labels', {
      sample,
      task: 'goods',
      label: 'bag',
    });
    expect(corrected.undo.kind).toBe('relabel');
    expect(corrected.answer!.label).toBe('bag');
    expect(classes()).toEqual(['bag', 'sandal']);
    await owner.done('POST', '/api/undo', { id: corrected.undo.id });
    expect(classes()).toEqual(['bag', 'sandal', 'trouser']);
    expect((await owner.ask('POST', '/api/undo', { id: corrected.undo.id })).status).toBe(409);
    await owner.done('POST', '/api/undo', { id: first.undo.id });
    expect(classes()).toEqual(['bag', 'sandal']);
    const detail = await owner.done<TaskDetail>('GET', '/api/tasks/goods');
    expect(detail.classes).toEqual([
      { label: 'bag', samples: 3 },
      { label: 'sandal', samples: 3 },
    ]);
    expect(detail.examples[0]!.samples).toHaveLength(3);
    const small = await owner.picture(detail.examples[0]!.samples[0]!.sample, 'small');
    expect(await sharp(small.bytes).metadata()).toMatchObject({ format: 'jpeg' });
  });

  it('takes a sample out and back, and says what it does not hold any more', async () => {
    await teach('bag', 'bag', 0, 2);
    const { sample } = daemon.agent.page!.frames()[0]!;
    const { undo } = await owner.done<{ undo: { id: number; kind: string } }>(
      'DELETE',
      `/api/samples/${sample}`,
    );
    expect((await owner.done<Overview>('GET', '/api/overview')).tasks[0]!.samples).toBe(1);
    await owner.done('POST', '/api/undo', { id: undo.id });
    expect((await owner.done<Overview>('GET', '/api/overview')).tasks[0]!.samples).toBe(2);
    const unknown = '0'.repeat(32);
    expect((await owner.ask('DELETE', `/api/samples/${unknown}`)).status).toBe(404);
    expect(
      (await owner.ask('POST', '/api/labels', { sample: unknown, task: 'goods', label: 'bag' })).status,
    ).toBe(404);
    expect((await owner.picture(unknown)).status).toBe(404);
    expect((await owner.ask('GET', '/api/tasks/nothing')).status).toBe(404);
  });

  it('records pictures of a source as a class, as many as were wanted, undone as one', async () => {
    const recording = { source: 'cam', task: 'goods', label: 'bag', pictures: 4 };
    await owner.done<RecordingView>('POST', '/api/recording', recording);
    expect((await owner.ask('POST', '/api/recording', recording)).status).toBe(409);
    for (const { bytes } of photographs('bag', 5)) await show(bytes);
    await daemon.agent.intake.idle();
    const overview = await owner.done<Overview>('GET', '/api/overview');
    expect(overview.recording).toBeNull();
    expect(overview.tasks[0]).toMatchObject({ task: 'goods', samples: 4 });
    expect(overview.undo).toMatchObject({ kind: 'recording', label: 'bag', pictures: 4 });
    await owner.done('POST', '/api/undo', { id: overview.undo!.id });
    expect((await owner.done<Overview>('GET', '/api/overview')).tasks[0]!.samples).toBe(0);
  });

  it('asks about what helps, never twice, and keeps no picture that is answered', async () => {
    await teach('bag', 'bag', 0, 4);
    await teach('sandal', 'sandal', 0, 4);
    for (const kind of ['coat', 'dress', 'shirt'])
      for (const { bytes } of photographs(kind, 2, { task: 'tops' })) await show(bytes);
    const { cards, counts, tasks } = await owner.done<QueueView>('GET', '/api/queue');
    expect(cards.length).toBeGreaterThan(1);
    expect(counts).toMatchObject({ waiting: cards.length, asked: cards.length, perDay: 20 });
    expect(tasks).toEqual([{ task: 'goods', classes: ['bag', 'sandal'], closed: false }]);
    const [first, second] = cards;
    expect((await owner.picture(first!.sample)).status).toBe(200);
    await owner.done('POST', '/api/labels', { sample: first!.sample, task: 'goods', label: 'clothes' });
    const { undo } = await owner.done<{ undo: { id: number } }>('POST', `/api/queue/${second!.sample}/bad`);
    expect((await owner.ask('POST', `/api/queue/${second!.sample}/skip`)).status).toBe(404);
    const left = await owner.done<QueueView>('GET', '/api/queue');
    expect(left.cards.map((c) => c.sample)).not.toContain(first!.sample);
    expect(left.cards.map((c) => c.sample)).not.toContain(second!.sample);
    const kept = daemon.agent.store.database
      .prepare<{ n: number }>(
        `SELECT COUNT(*) AS n FROM questions WHERE state <> 'waiting' AND content IS NOT NULL`,
      )
      .get();
    expect(kept!.n).toBe(0);
    await owner.done('POST', '/api/undo', { id: undo.id });
    expect((await owner.done<QueueView>('GET', '/api/queue')).cards.map((c) => c.sample)).toContain(
      second!.sample,
    );
  });

  it('shows the stream live, the privacy ledger and the settings', async () => {
    await teach('bag', 'bag', 0, 2);
    const [overview, frame] = await owner.live(2);
    expect(overview).toMatchObject({ kind: 'overview', data: { device: 'cam' } });
    expect(frame).toMatchObject({ kind: 'frame', data: { source: 'cam' } });
    const privacy = await owner.done<PrivacyView>('GET', '/api/privacy');
    expect(privacy.left.map((l) => l.kind)).toContain('metrics');
    expect(privacy.kept.find((k) => k.kind === 'thumbnails')).toMatchObject({ count: 2, sealed: true });
    const settings = await owner.done<SettingsView>('GET', '/api/settings');
    expect(settings.readOnly).toBe('no-file');
    expect(settings.settings.find((s) => s.key === 'replay.cap')).toMatchObject({
      value: '16 MiB',
      kind: 'text',
    });
    const refused = await owner.ask('PUT', '/api/settings', { key: 'replay.cap', value: '8 MiB' });
    expect(refused.status).toBe(403);
  });

  it('counts what its own server sends, by kind, to the byte', async () => {
    const served = () =>
      new Map(
        daemon.agent.ledger
          .list()
          .filter(({ kind }) => kind.startsWith('page') || kind === 'post-answer')
          .map(({ kind, where, bytes, messages }) => [kind, { where, bytes, messages }]),
      );
    const [bag, sandal] = [photographs('bag', 1)[0]!, photographs('sandal', 1)[0]!];
    const answers = [await show(bag.bytes), await show(sandal.bytes)];
    const posted = answers.reduce((sum, answer) => sum + Buffer.byteLength(JSON.stringify(answer)), 0);
    expect(served().get('post-answer')).toEqual({ where: 'device', bytes: posted, messages: 2 });
    for (const { sample } of answers) expect((await owner.picture(sample)).status).toBe(200);
    expect(served().get('page-picture')).toEqual({ where: 'device', bytes: owner.got.pictures, messages: 2 });
    // What is refused left, too.
    expect((await owner.ask('GET', '/api/nothing')).status).toBe(404);
    await owner.done('GET', '/api/overview');
    expect(served().get('page')!.bytes).toBe(owner.got.page);
    const html = await (await fetch(`${owner.base}/`)).text();
    expect(served().get('page')!.bytes).toBe(owner.got.page + Buffer.byteLength(html));
    const live = (await owner.live(2)).map(
      ({ kind, data }) => `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`,
    );
    expect(served().get('page-live')!.bytes).toBeGreaterThanOrEqual(Buffer.byteLength(live.join('')));
    const privacy = await owner.done<PrivacyView>('GET', '/api/privacy');
    expect(privacy.served.map(({ kind }) => kind).sort()).toEqual([
      ...['page', 'page-live', 'page-picture', 'post-answer'],
    ]);
    expect(privacy.left.map(({ kind }) => kind)).not.toContain('page');
  });

  it('tells what happens with all that it takes to say it in another language', async () => {
    await teach('bag', 'bag', 0, 1);
    const events = owner.live(({ data }) => (data as EventView).kind === 'picture-set-aside');
    await owner.done('POST', '/api/tasks/goods/train');
    await daemon.event('training-failed');
    const broken = { method: 'POST', body: 'no picture', headers: { authorization: `Bearer ${TOKEN}` } };
    expect((await fetch(`${owner.base}/pictures/cam`, broken)).status).toBe(422);
    const told = (await events).flatMap(({ kind, data }) => (kind === 'event' ? [data as EventView] : []));
    expect(told.map((event) => eventText(event, 'ko'))).toEqual([
      { text: 'goods 작업의 학습을 시작했습니다.' },
      {
        text: 'goods 작업을 학습하지 못했습니다. 학습할 사진이 아직 모자랍니다.',
        reason: (told[1]!.data as { reason: string }).reason,
      },
      { text: '사진을 쓸 수 없어 따로 두었습니다: cam', reason: expect.stringContaining('picture') },
    ]);
    expect(daemon.events('training-failed')[0]!.data).toEqual(told[1]!.data);
  });

  it('looks into a task', async () => {
    await teach('bag', 'bag', 0, 12);
    await teach('sandal', 'sandal', 0, 12);
    // One that is labelled wrongly.
    const wrong = photographs('bag', 13)[12]!;
    const { sample } = await show(wrong.bytes);
    await owner.done('POST', '/api/labels', { sample, task: 'goods', label: 'sandal' });
    await owner.done('POST', '/api/tasks/goods/study');
    let detail = await owner.done<TaskDetail>('GET', '/api/tasks/goods');
    while (detail.studying) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      detail = await owner.done<TaskDetail>('GET', '/api/tasks/goods');
    }
    expect(detail.study!.samples).toBe(25);
    expect(detail.study!.curve.length).toBeGreaterThan(1);
    expect(detail.study!.doubtful[0]).toMatchObject({ sample, label: 'sandal', suggestion: 'bag' });
  });
});

describe('a full disk', () => {
  it("is the device's fault, not that of who asked", async () => {
    await start(TOKEN);
    await owner.enter(PASSWORD, true);
    const { database } = daemon.agent.store;
    database.pragma(`max_page_count = ${database.pragma('page_count')}`);
    let answer = { status: 200, data: {} as { error?: { code: string } } };
    for (let i = 0; answer.status === 200; i++)
      answer = await owner.ask('POST', '/api/tasks', { task: `t${i}` });
    expect([answer.status, answer.data.error?.code]).toEqual([507, 'store-full']);
    database.pragma('max_page_count = 1000000');
    await owner.done('POST', '/api/tasks', { task: 'after' });
  });
});
