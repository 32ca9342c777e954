import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Webhooks, webhookSchema } from '../../src/agent/webhooks.js';
import { Sealed } from '../../src/label/sealed.js';
import type { EventBody, ResultBody } from '../../src/link/schemas.js';
import { type WebhookBody, webhookBodySchema } from '../../src/link/webhook-message.js';
import { WebhookQueue } from '../../src/link/webhook-queue.js';
import { keyFileOf, openStore } from '../../src/store/store.js';
import { until } from '../link/until.js';
import { WebhookServer } from '../link/webhook-server.js';
import { Daemon } from './daemon.js';
import { type Photograph, photographs } from './pictures.js';
import { quiet } from './rooms.js';

// One device that learns what bags and sandals are, and addresses that are told of it: one story, in order.
const folder = mkdtempSync(join(tmpdir(), 'lichen-webhooks-'));
const teach = join(folder, 'teach');
const inbox = join(folder, 'inbox');
const all = new WebhookServer();
const changes = new WebhookServer();
const foreign = new WebhookServer();
let daemon: Daemon;

beforeAll(async () => {
  for (const label of ['bag', 'sandal']) mkdirSync(join(teach, label), { recursive: true });
  mkdirSync(inbox);
  for (const server of [all, changes, foreign]) await server.start();
  daemon = await Daemon.start(join(folder, 'store'), {
    sources: [
      { kind: 'directory', name: 'teach', path: teach, layout: 'class', task: 'goods', settle: '20 ms' },
      { kind: 'directory', name: 'inbox', path: inbox, settle: '20 ms' },
    ],
    learn: { newLabels: 1000, epochs: 1 },
    recognize: { falseAlarms: 0.1, smoothing: { halfLife: '0 s', enter: 0.6, leave: 0.4 } },
    webhooks: [
      {
        url: all.url,
        on: ['result', 'trained', 'version'],
        onlyChanges: false,
        secret: 'a secret of sixteen',
      },
      { url: changes.url, on: ['result', 'novel'] },
      { url: foreign.url, on: ['result', 'trained'], task: 'other' },
    ],
  });
});
afterAll(async () => {
  await daemon.stop();
  for (const server of [all, changes, foreign]) await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const bodies = (server: WebhookServer): WebhookBody[] =>
  server.posted.map(({ body }) => webhookBodySchema.parse(JSON.parse(body)));
const results = (server: WebhookServer) => bodies(server).flatMap((b) => ('result' in b ? [b.result] : []));
const events = (server: WebhookServer) => bodies(server).flatMap((b) => ('event' in b ? [b.event] : []));

let shown = 0;
/** Shows photographs one after the other; each is answered before the next. */
async function show(pictures: readonly Photograph[]): Promise<void> {
  for (const { file } of pictures) {
    const before = results(all).length;
    cpSync(file, join(inbox, `${shown++}.png`));
    await until(() => results(all).length > before);
  }
}

/** What an address is told that asks for some kinds, of answers and events of a device. */
async function told(on: string[], tell: (hooks: Webhooks) => void): Promise<WebhookBody[]> {
  const server = await new WebhookServer().start();
  const webhooks = [webhookSchema.parse({ url: server.url, on })];
  const ledger = { add: () => {} };
  const settings = { webhooks, device: { id: 'cam' }, learn: { seed: 0 } };
  const path = mkdtempSync(join(folder, 'waiting-'));
  const store = openStore(path);
  const queue = new WebhookQueue(store.database, new Sealed(store.settings, keyFileOf(path)));
  const hooks = new Webhooks(settings, queue, ledger, quiet);
  tell(hooks);
  await until(() => hooks.stats()[0]!.waiting === 0);
  await hooks.stop();
  await server.stop();
  store.close();
  return bodies(server);
}

describe('what an address asks for', () => {
  const answer = (label: string | null): ResultBody => ({
    ...{ task: 'goods', label, probability: 0.9, sample: 'a1', source: 'door', version: 1 },
    smoothed: { decided: true, label, probability: 0.9 },
  });
  const event = (kind: string): EventBody => ({
    kind,
    severity: 'info',
    message: 'so it is',
    data: { task: 'goods' },
  });

  it('may be only that something is novel, when it begins to be', async () => {
    const bodies = await told(['novel'], (hooks) => {
      hooks.result(answer('bag'), true);
      hooks.result(answer(null), true);
      hooks.result(answer(null), false);
    });
    expect(bodies).toMatchObject([{ v: 1, device: 'cam', kind: 'novel', result: { label: null } }]);
  });

  it('may be drift, sources, tasks and versions', async () => {
    const kinds = ['drift', 'source-failed', 'task-opened', 'rolled-back', 'training-started', 'promoted'];
    const all = await told(['drift', 'source', 'task', 'version'], (hooks) => {
      for (const kind of kinds) hooks.event(event(kind));
    });
    expect(all.map((b) => [b.kind, 'event' in b && b.event.kind])).toEqual([
      ['drift', 'drift'],
      ['source', 'source-failed'],
      ['task', 'task-opened'],
      ['version', 'rolled-back'],
      ['version', 'promoted'],
    ]);
  });
});

describe('webhooks of a device', () => {
  it('tell of every answer, or when the answer changes', async () => {
    for (const label of ['bag', 'sandal']) {
      for (const [i, { file }] of photographs(label, 60).entries())
        cpSync(file, join(teach, label, `${i}.png`));
    }
    await until(() => daemon.agent.store.seen.count() >= 120);
    const bags = photographs('bag', 6, { part: 'test' });
    const sandals = photographs('sandal', 6, { part: 'test' });
    await show([...bags, ...sandals]);
    expect(results(all)).toHaveLength(12);
    await until(() => daemon.observer.on('lichen/v1/cam/result/goods').length === 12);
    // The same as over MQTT, without its envelope.
    const [first] = daemon.observer.on('lichen/v1/cam/result/goods');
    expect(first).toMatchObject(results(all)[0]!);
    const told = results(changes).map((r) => r.smoothed!.label);
    const said = results(all).map((r) => (r.smoothed!.decided ? r.smoothed!.label : undefined));
    const turns = said.filter((label, i) => i === 0 || label !== said[i - 1]);
    await until(() => results(changes).length === turns.length);
    expect(told.length).toBeLessThan(12);
    expect(new Set(told)).toContain('sandal');
  });

  it('tell what a training did, and what the task runs', async () => {
    const { data } = await daemon.ask('train', { task: 'goods' });
    const [trained] = data.trained as { promoted: boolean }[];
    await until(() => events(all).length >= 1);
    expect(events(all)[0]).toMatchObject({
      kind: trained!.promoted ? 'promoted' : 'candidate-kept',
      severity: 'info',
      data: { task: 'goods', version: 1 },
    });
    // Asked for both, it is told of once.
    expect(bodies(all).filter((b) => b.kind === 'trained')).toHaveLength(1);
    expect(bodies(all).filter((b) => b.kind === 'version')).toHaveLength(0);
  });

  it('are about the task that they ask for only, and of what they ask for only', () => {
    expect(foreign.posted).toEqual([]);
    expect(events(changes)).toEqual([]);
  });

  it('hold no picture and nothing that is not listed, signed where there is a secret', () => {
    const pictures = ['bag', 'sandal'].flatMap((label) => [
      ...photographs(label, 6, { part: 'test' }),
      ...photographs(label, 60),
    ]);
    for (const { body, headers } of [...all.posted, ...changes.posted]) {
      expect(webhookBodySchema.parse(JSON.parse(body))).toEqual(JSON.parse(body));
      expect(body.length).toBeLessThan(2000);
      for (const { bytes } of pictures) {
        expect(body).not.toContain(bytes.subarray(64, 96).toString('base64').slice(0, 40));
        expect(body).not.toContain(bytes.subarray(64, 96).toString('hex'));
      }
      expect(headers['webhook-id']).toBe(JSON.parse(body).id);
    }
    expect(all.posted.every((p) => p.headers['webhook-signature'] !== undefined)).toBe(true);
    expect(changes.posted.every((p) => p.headers['webhook-signature'] === undefined)).toBe(true);
  });

  it('are in the ledger, to the byte, beside what left by MQTT', async () => {
    await until(() => daemon.agent.webhooks.stats().every((s) => s.waiting === 0));
    const counted = daemon.agent.ledger.list().filter((e) => e.kind === 'webhook');
    expect(counted.map(({ where, messages, bytes }) => ({ where, messages, bytes }))).toEqual(
      expect.arrayContaining(
        [all, changes].map((s) => ({ where: s.url, messages: s.posted.length, bytes: s.bytes })),
      ),
    );
    expect(counted).toHaveLength(2);
    expect(daemon.agent.webhooks.stats().map((s) => [s.url, s.bytes])).toEqual(
      [all, changes, foreign].map((s) => [s.url, s.bytes]),
    );
    const byMqtt = daemon.agent.ledger.list().find((e) => e.kind === 'result')!;
    const payloads = daemon.observer.messages.filter((m) => m.topic.includes('/result/'));
    expect(byMqtt).toMatchObject({
      messages: payloads.length,
      bytes: payloads.reduce((sum, m) => sum + Buffer.byteLength(m.payload), 0),
    });
  });
});
