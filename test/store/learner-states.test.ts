import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/store/database.js';
import { agentMigrations } from '../../src/store/schema.js';
import { keyFileOf, openStore } from '../../src/store/store.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const BACKBONE = { name: 'b', sha256: 'ab', split: 's' };
/** Numbers that can be recognized in a file. */
const plain = () => Buffer.from(Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i)).buffer);

test('a state comes back bit for bit, counted, and only the last one is kept', () => {
  const store = openStore(scratch.path('store'));
  expect(store.learnerStates.load('shared')).toBeUndefined();
  store.learnerStates.save('shared', 'ewc', plain(), 5);
  store.learnerStates.save('den', 'den', Buffer.from('other'), 6);
  store.learnerStates.save('shared', 'ewc+er', plain().reverse(), 7);
  const { state, ...entry } = store.learnerStates.load('shared')!;
  expect(Buffer.from(state).equals(plain().reverse())).toBe(true);
  expect(entry).toMatchObject({
    learner: 'shared',
    number: 2,
    method: 'ewc+er',
    createdAt: 7,
    bytes: 80_028,
  });
  expect(store.learnerStates.list().map((e) => [e.learner, e.number, e.bytes])).toEqual([
    ['den', 1, 33],
    ['shared', 2, 80_028],
  ]);
  store.close();
});

test('on the disk it is sealed: no part of its numbers is in any file', () => {
  const folder = scratch.path('store');
  const store = openStore(folder);
  store.learnerStates.save('shared', 'ewc', plain());
  for (const name of ['agent.db', 'agent.db-wal']) {
    const file = readFileSync(`${folder}/${name}`);
    for (let at = 400; at < 80_000; at += 800)
      expect(file.includes(plain().subarray(at, at + 16))).toBe(false);
  }
  store.close();
});

test('damage and a wrong key are told apart', () => {
  const folder = scratch.path('store');
  const store = openStore(folder);
  store.learnerStates.save('shared', 'ewc', plain());
  rmSync(keyFileOf(folder));
  expect(errorOf(() => store.learnerStates.load('shared')).code).toBe('learner-state-wrong-key');
  store.database.prepare('UPDATE learner_states SET state = ?').run(randomBytes(80_028));
  const error = errorOf(() => store.learnerStates.load('shared'));
  expect(error.code).toBe('learner-state-corrupt');
  expect(error.message).toContain('restore the store from a backup');
  store.close();
});

test('with a transaction that fails, it stays as it was', () => {
  const store = openStore(scratch.path('store'));
  store.learnerStates.save('shared', 'ewc', Buffer.from('before'));
  const failing = store.database.transaction(() => {
    store.learnerStates.save('shared', 'ewc', Buffer.from('after'));
    throw new Error('no');
  });
  expect(failing).toThrow('no');
  expect(Buffer.from(store.learnerStates.load('shared')!.state).toString()).toBe('before');
  store.close();
});

test('a store from before takes the new isolations, and keeps what it has', () => {
  const folder = scratch.path('store');
  const old = openDatabase(`${folder}/agent.db`, agentMigrations.slice(0, 2));
  old.exec(`INSERT INTO tasks (name, isolation, backbone, backbone_sha256, split, classes, created_at)
    VALUES ('tops', 'pnn', 'b', 'ab', 's', '["a","b"]', 1)`);
  const insert = `INSERT INTO tasks (name, isolation, backbone, backbone_sha256, split, classes, created_at)
    VALUES ('x', 'shared', 'b', 'ab', 's', '[]', 1)`;
  expect(() => old.exec(insert)).toThrow(/CHECK/);
  old.close();
  const store = openStore(folder);
  expect(store.tasks.require('tops')).toMatchObject({ isolation: 'pnn', classes: ['a', 'b'] });
  store.tasks.create({ name: 'goods', isolation: 'shared', backbone: BACKBONE, classes: ['a'] });
  const version = store.versions.add({
    ...{ task: 'goods', source: 'trained', isolation: 'cpg', classes: ['a'], metrics: {} },
    adapter: Buffer.from('adapter'),
  });
  expect(version.isolation).toBe('cpg');
  expect(() => store.database.exec(insert.replace("'shared'", "'sharde'"))).toThrow(/CHECK/);
  expect(store.database.pragma('integrity_check')).toBe('ok');
  store.close();
  const again = openStore(folder);
  expect(again.tasks.require('goods').isolation).toBe('shared');
  again.close();
});
