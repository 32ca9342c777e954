import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubConfigSchema } from '../../src/hub/config.js';
import { History } from '../../src/hub/history.js';
import { Ingest, type Outcome } from '../../src/hub/ingest.js';
import { InstallLog } from '../../src/hub/install-log.js';
import { Registry } from '../../src/hub/registry.js';
import { Rejections } from '../../src/hub/rejections.js';
import { Retained } from '../../src/hub/retained.js';
import { hubMigrations } from '../../src/hub/schema.js';
import { encodeReport } from '../../src/link/encode.js';
import { type Database, openDatabase } from '../../src/store/database.js';
import { birth, event, result, resultEvent } from '../link/examples.js';

let folder: string;
let database: Database;
let history: History;
let rejections: Rejections;
let retained: Retained;
let ingest: Ingest;
let committed: Outcome[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lichen-ingest-'));
  database = openDatabase(join(folder, 'hub.db'), hubMigrations);
  history = new History(database, hubConfigSchema.parse({}).keep);
  rejections = new Rejections(database);
  retained = new Retained(database);
  const registry = new Registry(database, history);
  const installs = new InstallLog(database, registry);
  ingest = new Ingest({ database, registry, rejections, retained, installs, log: pino({ level: 'silent' }) });
  committed = [];
  ingest.onCommit((outcomes) => committed.push(...outcomes));
});

afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

function take(topic: string, payload: Uint8Array, retain = false): Promise<void> {
  return new Promise((resolve, reject) => {
    ingest.take({ topic, payload: Buffer.from(payload), qos: 1, retain }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function report(seq: number, text = 'hello'): Buffer {
  return encodeReport({ device: 'cam', store: 's', boot: 1 }, 'event', { ...event(seq), message: text }, seq);
}

function messages(): string[] {
  return history.events(1000).map(({ message }) => message);
}

describe('taking messages', () => {
  it('confirms them in their order, when they are on disk', async () => {
    const order: number[] = [];
    const taken = [1, 2, 3].map((seq) =>
      take('lichen/v1/cam/event', report(seq)).then(() => {
        order.push(seq);
        return messages().length;
      }),
    );
    expect(messages()).toEqual([]);
    expect(await Promise.all(taken)).toEqual([3, 3, 3]);
    expect(order).toEqual([1, 2, 3]);
    expect(committed.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted']);
  });

  it('confirms none of them when the disk is full, and all when they come again', async () => {
    await take('lichen/v1/cam/event', report(1));
    const pages = Number(database.pragma('page_count'));
    database.pragma(`max_page_count = ${pages}`);
    const long = 'x'.repeat(4000);
    const results = await Promise.allSettled(
      [2, 3, 4, 5, 6].map((seq) => take('lichen/v1/cam/event', report(seq, long))),
    );
    expect(results.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    expect(results[0]).toMatchObject({ reason: { code: 'store-full' } });
    expect(messages()).toEqual(['hello']);
    expect(committed).toHaveLength(1);
    expect(rejections.total()).toBe(0);
    database.pragma(`max_page_count = ${pages + 1000}`);
    await Promise.all([2, 3, 4, 5, 6].map((seq) => take('lichen/v1/cam/event', report(seq, long))));
    expect(messages()).toHaveLength(6);
  });

  it('refuses them once it is closed; what was queued is kept', async () => {
    const queued = take('lichen/v1/cam/event', report(1));
    ingest.close();
    await queued;
    expect(messages()).toEqual(['hello']);
    await expect(take('lichen/v1/cam/event', report(2))).rejects.toMatchObject({ code: 'hub-stopping' });
  });
});

it('passes events of results on, and keeps none of them', async () => {
  const sender = { device: 'cam', store: 's', boot: 1 };
  await take('lichen/v1/cam/result', encodeReport(sender, 'result-event', resultEvent, 1), true);
  expect(committed.map(({ kind }) => kind)).toEqual(['passed']);
  expect(rejections.total()).toBe(0);
  expect(retained.all()).toEqual([]);
});

describe('a bad message', () => {
  const sender = { device: 'cam', store: 's', boot: 1 };
  it.each([
    ['lichen/v1/cam/event', Buffer.from('{'), 'payload-not-json'],
    ['lichen/v1/cam/event', Buffer.from('{"v":1}'), 'payload-invalid'],
    ['lichen/v1/cam/event', Buffer.from('{"v":9}'), 'version-unsupported'],
    ['lichen/v1/cam/event', Buffer.alloc(1024 * 1024 + 1, 0x20), 'payload-too-large'],
    ['lichen/v1/cam/nonsense', report(1), 'topic-invalid'],
    ['lichen/v1/other/event', report(1), 'payload-misplaced'],
    ['lichen/v1/cam/result/shoes', encodeReport(sender, 'result', result, 1), 'payload-misplaced'],
  ])(
    'on %s is confirmed, counted as rejected with its reason, and changes nothing',
    async (topic, payload, code) => {
      await take('lichen/v1/cam/event', report(1));
      await take(topic, payload, true);
      expect(rejections.list()).toMatchObject([{ code, count: 1, topic }]);
      expect(rejections.list()[0]?.device).toBe(topic.includes('/cam/') ? 'cam' : null);
      expect(messages()).toEqual(['hello']);
      expect(retained.all()).toEqual([]);
      await take(topic, payload);
      expect(rejections.total()).toBe(2);
    },
  );

  it('does not spoil the good ones beside it', async () => {
    await Promise.all([
      take('lichen/v1/cam/event', report(1)),
      take('lichen/v1/cam/event', Buffer.from('[]')),
      take('lichen/v1/cam/event', report(2)),
    ]);
    expect(committed.map(({ kind }) => kind)).toEqual(['accepted', 'rejected', 'accepted']);
    expect(messages()).toHaveLength(2);
  });

  it('of any bytes on any topic is confirmed', async () => {
    const topics = fc.oneof(
      fc.string({ minLength: 1 }),
      fc
        .tuple(
          fc.constantFrom('state', 'event', 'metrics', 'result/t', 'adapter/t', 'response/x', 'request/x'),
        )
        .map(([kind]) => `lichen/v1/cam/${kind}`),
    );
    const payloads = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(topics, payloads, fc.boolean(), (topic, payload, retain) =>
        take(topic, payload, retain),
      ),
    );
    expect(messages()).toEqual([]);
  });

  it('of unknown devices does not fill the database with their names', async () => {
    for (let n = 0; n < 50; n++) await take(`lichen/v1/cam${n}/event`, Buffer.from('{'));
    expect(rejections.list()).toMatchObject([{ device: null, count: 50 }]);
  });
});

describe('retained messages', () => {
  it('are kept, replaced and deleted; a retained request is not kept', async () => {
    await take('homeassistant/x', Buffer.from('1'), true);
    await take('homeassistant/y', Buffer.from('2'), true);
    await take('homeassistant/x', Buffer.from('3'), true);
    await take('homeassistant/y', Buffer.alloc(0), true);
    await take('homeassistant/z', Buffer.from('4'), false);
    await take('lichen/v1/cam/request/train', Buffer.from('{"v":1,"transaction":"t"}'), true);
    expect(retained.all()).toEqual([{ topic: 'homeassistant/x', payload: Buffer.from('3'), qos: 1 }]);
  });

  it('are never pictures: those pass through, and are no report that could be wrong', async () => {
    await take('lichen/v1/cam/picture/door', Buffer.from([0xff, 0xd8, 0xff]), true);
    await take('lichen/v1/cam/picture/door', Buffer.from([0xff, 0xd8, 0xff]), false);
    expect(retained.all()).toEqual([]);
    expect(rejections.list()).toEqual([]);
    expect(committed.map(({ kind }) => kind)).toEqual(['passed', 'passed']);
  });

  it('of devices say offline after the hub started again', async () => {
    const sender = { device: 'cam', store: 's', boot: 1 };
    await take('lichen/v1/cam/state', encodeReport(sender, 'state', { state: 'online', ...birth }, 0), true);
    await take('homeassistant/state', Buffer.from('not ours'), true);
    retained.forgetConnections();
    expect(retained.all().map(({ payload }) => payload.toString())).toEqual([
      'not ours',
      expect.stringContaining('"state":"offline"'),
    ]);
  });
});
