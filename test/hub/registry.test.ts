import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubConfigSchema } from '../../src/hub/config.js';
import { DeviceViews } from '../../src/hub/device-views.js';
import { History } from '../../src/hub/history.js';
import { Registry, type Report } from '../../src/hub/registry.js';
import { Rejections } from '../../src/hub/rejections.js';
import { hubMigrations } from '../../src/hub/schema.js';
import { encodeReport } from '../../src/link/encode.js';
import { parsePayload, type ReportKind, reportSchemas } from '../../src/link/schemas.js';
import { type Database, openDatabase } from '../../src/store/database.js';
import { adapter, birth, event, metrics, result } from '../link/examples.js';

let folder: string;
let database: Database;
let history: History;
let registry: Registry;
let views: DeviceViews;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lichen-registry-'));
  database = openDatabase(join(folder, 'hub.db'), hubMigrations);
  const { keep } = hubConfigSchema.parse({ keep: { events: 10, results: 3, points: 4 } });
  history = new History(database, keep);
  registry = new Registry(database, history);
  views = new DeviceViews(database, history, new Rejections(database));
});

afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Sender {
  device?: string;
  store?: string;
  boot?: number;
}

/** A report as the hub reads it from the wire. */
function sent(kind: ReportKind, body: object, seq: number, sender: Sender = {}): Report {
  const payload = encodeReport({ device: 'cam', store: 's1', boot: 1, ...sender }, kind, body, seq);
  return { kind, body: parsePayload<unknown>(reportSchemas[kind], 'a topic', payload) } as Report;
}

function take(kind: ReportKind, body: object, seq: number, sender: Sender = {}): string {
  return registry.accept(sent(kind, body, seq, sender), Date.now());
}

const online = { state: 'online', ...birth };
const offline = { state: 'offline', ...birth };

/** The numbers of the device's own events, oldest first. */
function numbers(device = 'cam'): unknown[] {
  return history
    .events(1000, device)
    .filter(({ origin }) => origin === 'device')
    .map(({ data }) => data?.n)
    .reverse();
}

describe('doubles', () => {
  it('are dropped: what is not after the newest one taken', () => {
    expect(take('event', event(1), 1)).toBe('accepted');
    expect(take('event', event(2), 2)).toBe('accepted');
    expect(take('event', event(1), 1)).toBe('double');
    expect(take('event', event(2), 2)).toBe('double');
    // The outbox dropped 3 and 4.
    expect(take('event', event(5), 5)).toBe('accepted');
    expect(numbers()).toEqual([1, 2, 5]);
    expect(views.one('cam')?.messages).toEqual({ accepted: 3, doubles: 2, rejected: 0 });
  });

  it('are told apart for each device', () => {
    expect(take('event', event(1), 1)).toBe('accepted');
    expect(take('event', event(1), 1, { device: 'other' })).toBe('accepted');
  });

  it('of an earlier start of the program are dropped, though a later start has begun', () => {
    take('event', event(1), 1);
    take('event', event(2), 2);
    expect(take('event', event(3), 3, { boot: 2 })).toBe('accepted');
    expect(take('event', event(2), 2)).toBe('double');
  });

  it('are not messages whose numbers a power failure took back: the start is a later one', () => {
    for (const n of [1, 2, 3]) take('event', event(n), n);
    // The card lost its last commits: after the restart the outbox holds 2 again, and 3 is given anew.
    take('state', online, 2, { boot: 2 });
    expect(take('event', event(2), 2)).toBe('double');
    expect(take('event', event(33), 3, { boot: 2 })).toBe('accepted');
    expect(numbers()).toEqual([1, 2, 3, 33]);
  });

  it('are not messages of a new store under the same name, which counts from 1 again', () => {
    take('state', online, 0, { boot: 9 });
    take('event', event(700), 700, { boot: 9 });
    take('adapter', adapter, 701, { boot: 9 });
    expect(take('state', online, 1, { store: 's2' })).toBe('accepted');
    expect(take('event', event(1), 1, { store: 's2' })).toBe('accepted');
    expect(take('event', event(1), 1, { store: 's2' })).toBe('double');
    expect(take('adapter', { ...adapter, version: 1 }, 2, { store: 's2' })).toBe('accepted');
    expect(registry.adapter('cam', 'tops')?.version).toBe(1);
    expect(numbers()).toEqual([700, 1]);
  });

  it('are not messages of a store that was put back to an earlier copy', () => {
    take('state', online, 0, { boot: 9 });
    take('event', event(700), 700, { boot: 9 });
    take('adapter', adapter, 701, { boot: 9 });
    // The copy was made at start 3; its outbox still holds number 200, which the hub took long ago.
    take('state', online, 201, { boot: 4 });
    expect(take('event', event(200), 200, { boot: 3 })).toBe('double');
    expect(take('event', event(201), 201, { boot: 4 })).toBe('accepted');
    expect(take('adapter', { ...adapter, version: 2 }, 202, { boot: 4 })).toBe('accepted');
    expect(numbers()).toEqual([700, 201]);
  });
});

describe('the state of a device', () => {
  it('follows births and wills, and is told in its events', () => {
    take('state', online, 0);
    expect(registry.isOnline('cam')).toBe(true);
    expect(views.one('cam')).toMatchObject({ state: 'online', boot: 1, birth });
    take('state', offline, 0);
    expect(registry.isOnline('cam')).toBe(false);
    take('state', online, 5, { boot: 2 });
    expect(history.events(9, 'cam').map(({ kind, origin }) => `${origin} ${kind}`)).toEqual([
      'hub online',
      'hub offline',
      'hub online',
    ]);
  });

  it('is not changed by the will of an earlier start', () => {
    take('state', online, 0, { boot: 2 });
    expect(take('state', offline, 0, { boot: 1 })).toBe('double');
    expect(registry.isOnline('cam')).toBe(true);
  });

  it('keeps its time when a birth is repeated', () => {
    registry.accept(sent('state', online, 0), 1000);
    registry.accept(sent('state', online, 0), 2000);
    expect(views.one('cam')).toMatchObject({
      since: new Date(1000).toISOString(),
      lastSeen: new Date(2000).toISOString(),
    });
    expect(history.events(9)).toHaveLength(1);
  });

  it('counts as offline when the hub starts', () => {
    take('state', online, 0);
    registry.forgetConnections(Date.now());
    expect(registry.isOnline('cam')).toBe(false);
    expect(registry.isKnown('cam')).toBe(true);
    expect(registry.isKnown('toString')).toBe(false);
  });
});

describe('adapters', () => {
  it('are what the newest message says, whatever order they come in', () => {
    expect(take('adapter', { ...adapter, version: 4 }, 4)).toBe('accepted');
    expect(take('adapter', { ...adapter, version: 3 }, 3)).toBe('double');
    // Announced again at a connect, under the number of the newest message.
    expect(take('adapter', { ...adapter, version: 4 }, 4)).toBe('accepted');
    expect(registry.adapter('cam', 'tops')?.version).toBe(4);
    expect(registry.adapter('cam', 'shoes')).toBeUndefined();
  });

  it('do not make the stream messages before them doubles', () => {
    take('adapter', adapter, 50);
    expect(take('event', event(1), 40)).toBe('accepted');
  });
});

describe('a view', () => {
  it('shows metrics, adapters, results and the accuracy over time', () => {
    take('metrics', metrics, 1);
    take('metrics', metrics, 2);
    const [tops] = metrics.tasks;
    take('metrics', { ...metrics, tasks: [{ ...tops!, accuracyHeldOut: 0.95 }] }, 3);
    take('adapter', { ...adapter, task: 'shoes' }, 4);
    take('result', result, 5);
    const view = views.one('cam')!;
    expect(view.metrics).toMatchObject({ replay: metrics.replay, training: metrics.training });
    expect(view.tasks.map(({ task }) => task)).toEqual(['tops', 'shoes']);
    expect(view.tasks[0]).toMatchObject({
      metrics: { accuracyHeldOut: 0.95, classes: ['shirt', 'coat'] },
      adapter: null,
      lastResult: { label: 'shirt', probability: 0.97, version: 3 },
      curve: [{ accuracy: 0.925 }, { accuracy: 0.95 }],
    });
    expect(view.tasks[1]).toMatchObject({ metrics: null, adapter: { version: 3, bytes: 121_344 } });
    expect(views.totals()).toEqual({ devices: 1, online: 0, accepted: 5, doubles: 0, rejected: 0 });
    expect(views.one('nobody')).toBeUndefined();
  });

  it('keeps a bounded history: the newest', () => {
    for (let n = 1; n <= 30; n++) {
      take('event', event(n), 4 * n);
      take('result', { ...result, sample: `s${n}` }, 4 * n + 1);
      const [tops] = metrics.tasks;
      take('metrics', { ...metrics, tasks: [{ ...tops!, samples: n }] }, 4 * n + 2);
    }
    take('event', event(1), 1, { device: 'other' });
    expect(numbers()).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
    expect(history.results('cam', 'tops', 99).map(({ sample }) => sample)).toEqual(['s30', 's29', 's28']);
    expect(history.curve('cam', 'tops').map(({ samples }) => samples)).toEqual([27, 28, 29, 30]);
    expect(numbers('other')).toEqual([1]);
  });
});
