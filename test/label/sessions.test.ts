import { readdirSync, readFileSync } from 'node:fs';
import type { Session } from 'fastify';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Sessions } from '../../src/label/sessions.js';
import { openStore, type Store } from '../../src/store/store.js';
import { scratchFolder } from '../store/scratch.js';

const LASTING = 60_000;
const scratch = scratchFolder();
let store: Store;
let sessions: Sessions;

const open = () => {
  store = openStore(scratch.path('store'));
  sessions = new Sessions(store.database, LASTING);
};
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ['Date'] });
  open();
});
afterEach(() => {
  if (store.database.open) store.close();
  vi.useRealTimers();
});

const set = (id: string, data: object = { open: true }) =>
  new Promise<void>((resolve, reject) =>
    sessions.set(id, data as Session, (error) => (error ? reject(error) : resolve())),
  );
const get = (id: string) =>
  new Promise<Session | null | undefined>((resolve, reject) =>
    sessions.get(id, (error, session) => (error ? reject(error) : resolve(session))),
  );
const destroy = (id: string) =>
  new Promise<void>((resolve, reject) =>
    sessions.destroy(id, (error) => (error ? reject(error) : resolve())),
  );
const count = () => store.database.prepare<{ n: number }>('SELECT COUNT(*) AS n FROM sessions').get()!.n;

it('outlast a restart, until they expire', async () => {
  await set('browser', { open: true });
  expect(await get('browser')).toEqual({ open: true });
  expect(await get('another')).toBeNull();
  store.close();
  open();
  vi.setSystemTime(1_000_000 + LASTING - 1);
  expect(await get('browser')).toEqual({ open: true });
  vi.setSystemTime(1_000_000 + LASTING);
  expect(await get('browser')).toBeNull();
});

it('are deleted when they have expired, ended, or been cleared', async () => {
  await set('old');
  vi.setSystemTime(1_000_000 + LASTING + 1);
  await set('new');
  expect(count()).toBe(1);
  await set('other');
  await destroy('new');
  expect(await get('new')).toBeNull();
  expect(await get('other')).not.toBeNull();
  sessions.clear();
  expect(await get('other')).toBeNull();
  expect(count()).toBe(0);
});

it('are fifty at most; the oldest goes', async () => {
  for (let k = 0; k < 52; k++) {
    vi.setSystemTime(1_000_000 + k);
    await set(`browser ${k}`);
  }
  expect(count()).toBe(50);
  expect(await get('browser 1')).toBeNull();
  expect(await get('browser 2')).not.toBeNull();
});

it('leave nothing on the disk that a browser could be impersonated with', async () => {
  await set('what-the-browser-holds');
  for (const name of readdirSync(scratch.path('store'))) {
    expect(readFileSync(scratch.path('store', name)).includes('what-the-browser-holds')).toBe(false);
  }
});

it('tell a failure of the database to whoever asked', async () => {
  store.close();
  await expect(set('a')).rejects.toThrow();
  await expect(get('a')).rejects.toThrow();
  await expect(destroy('a')).rejects.toThrow();
});
