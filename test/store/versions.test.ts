import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/store.js';
import type { NewVersion, Version } from '../../src/store/versions.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const failing = (code: string, text = '') =>
  expect.objectContaining({ name: 'LichenError', code, message: expect.stringContaining(text) });

let store: Store;
beforeEach(() => {
  store = openStore(scratch.path());
  for (const name of ['tops', 'night']) {
    store.tasks.create({ name, isolation: 'piggyback', backbone: { name: 'b', sha256: 'ab', split: 's' } });
  }
});
afterEach(() => store.close());

function add(fields: Partial<NewVersion> = {}): Version {
  return store.versions.add({
    task: 'tops',
    source: 'trained',
    isolation: 'piggyback',
    classes: ['a', 'b'],
    metrics: { heldOutAccuracy: 0.875 },
    adapter: Buffer.from(`adapter ${JSON.stringify(fields)}`),
    ...fields,
  });
}

test('a version comes back as it was added, after a restart too', () => {
  const adapter = new Uint8Array(100_000).map((_, i) => i * 7);
  const version = add({ adapter, digest: 'd1' });
  expect(version).toMatchObject({
    task: 'tops',
    number: 1,
    state: 'candidate',
    classes: ['a', 'b'],
    requires: [],
    metrics: { heldOutAccuracy: 0.875 },
    adapterBytes: 100_000,
    digest: 'd1',
  });
  store.close();
  store = openStore(scratch.path());
  expect(store.versions.get(version.id)).toEqual(version);
  expect(store.versions.numbered('tops', 1)).toEqual(version);
  expect(store.versions.list('tops')).toEqual([version]);
  expect(Buffer.from(store.versions.adapter(version.id)).equals(adapter)).toBe(true);
  expect(() => store.versions.adapter(99)).toThrow(failing('version-unknown', '99'));
  expect(() => add({ task: 'hats' })).toThrow(failing('task-unknown', 'tops'));
});

test('numbers count per task, are never given twice, and a pack can bring its own', () => {
  expect(add().number).toBe(1);
  expect(add({ task: 'night' }).number).toBe(1);
  const two = add();
  store.versions.delete(two.id);
  expect(add().number).toBe(3);
  expect(add({ source: 'pack', number: 7 }).number).toBe(7);
  expect(add().number).toBe(8);
  expect(() => add({ source: 'pack', number: 7 })).toThrow(failing('version-number-taken', 'version 7'));
  expect(add({ source: 'pack', number: 5 }).number).toBe(5);
  expect(add().number).toBe(9);
});

test('no SQL changes, replaces or removes a version or the history', () => {
  const { id } = add({ digest: 'd' });
  store.versions.promote('tops', id, 'gate');
  for (const sql of [
    `UPDATE versions SET adapter = x'00'`,
    `UPDATE versions SET sha256 = ''`,
    `UPDATE versions SET task = 'night'`,
    `UPDATE versions SET number = 2`,
    `UPDATE versions SET metrics = '{}'`,
    `UPDATE versions SET digest = NULL`,
    `UPDATE versions SET state = 'discarded'`,
    'DELETE FROM versions',
    `INSERT OR REPLACE INTO versions SELECT id, task, number, created_at, source, isolation, '[]', requires, metrics,
       adapter, sha256, digest, state FROM versions`,
    `UPDATE promotions SET reason = ''`,
    'DELETE FROM promotions',
    `INSERT OR REPLACE INTO promotions SELECT id, task, NULL, below, at, reason FROM promotions`,
  ]) {
    expect(() => store.database.exec(sql), sql).toThrow(/immutable|version-current/);
  }
  expect(store.versions.current('tops')?.id).toBe(id);
});

test('a damaged adapter is found out and named', () => {
  const { id } = add();
  store.database.exec('DROP TRIGGER versions_never_change');
  store.database.prepare('UPDATE versions SET adapter = ? WHERE id = ?').run(Buffer.from('bad bytes'), id);
  expect(() => store.versions.adapter(id)).toThrow(failing('version-corrupt', "Version 1 of task 'tops'"));
});

test('rollback goes back through what was current, to the instant discriminant and no further', () => {
  const { versions } = store;
  expect(versions.current('tops')).toBeUndefined();
  expect(() => versions.rollback('tops')).toThrow(failing('nothing-to-roll-back'));
  const [one, two, three] = [add(), add(), add()];
  versions.promote('tops', one.id, 'gate', 1);
  versions.promote('tops', two.id, 'gate', 2);
  versions.promote('tops', two.id, 'again', 3);
  expect(versions.current('tops')).toMatchObject({ id: two.id, state: 'promoted' });
  expect(versions.get(three.id)?.state).toBe('candidate');
  expect(versions.rollback('tops', 'worse', 4)).toEqual({ from: two.id, to: one.id });
  versions.promote('tops', three.id, 'gate', 5);
  expect(versions.rollback('tops', 'worse', 6)).toEqual({ from: three.id, to: one.id });
  expect(versions.rollback('tops', 'worse', 7)).toEqual({ from: one.id, to: null });
  expect(versions.current('tops')).toBeUndefined();
  expect(() => versions.rollback('tops')).toThrow(failing('nothing-to-roll-back', 'tops'));
  expect(versions.history('tops').map(({ version, at, reason }) => [version, at, reason])).toEqual([
    [one.id, 1, 'gate'],
    [two.id, 2, 'gate'],
    [one.id, 4, 'worse'],
    [three.id, 5, 'gate'],
    [one.id, 6, 'worse'],
    [null, 7, 'worse'],
  ]);
  expect(versions.history('night')).toEqual([]);
});

test('the instant discriminant can be promoted, and rolled back from', () => {
  const { versions } = store;
  const one = add();
  versions.promote('tops', null, 'nothing changes');
  expect(versions.history('tops')).toEqual([]);
  versions.promote('tops', one.id, 'gate');
  versions.promote('tops', null, 'by hand');
  expect(versions.current('tops')).toBeUndefined();
  expect(versions.rollback('tops')).toEqual({ from: null, to: one.id });
});

test('only versions of the task are promoted', () => {
  const other = add({ task: 'night' });
  expect(() => store.versions.promote('tops', other.id, '')).toThrow(failing('version-unknown'));
  expect(() => store.versions.promote('hats', null, '')).toThrow(failing('task-unknown'));
});

test('a version in use is not deleted; rollback passes over deleted ones', () => {
  const { versions } = store;
  const [one, two, three] = [add(), add(), add()];
  for (const { id } of [one, two, three]) versions.promote('tops', id, 'gate');
  expect(() => versions.delete(three.id)).toThrow(failing('version-in-use', 'current'));
  const column = add({
    task: 'night',
    isolation: 'pnn',
    requires: [{ task: 'tops', version: 1, sha256: one.sha256 }],
  });
  expect(column.requires).toEqual([{ task: 'tops', version: 1, sha256: one.sha256 }]);
  expect(() => versions.delete(one.id)).toThrow(failing('version-in-use', "version 1 of task 'night'"));
  versions.delete(two.id);
  expect(versions.get(two.id)).toBeUndefined();
  expect(versions.rollback('tops')).toEqual({ from: three.id, to: one.id });
  versions.delete(column.id);
  expect(versions.rollback('tops')).toEqual({ from: one.id, to: null });
  versions.delete(one.id);
  expect(() => add({ requires: [{ task: 'tops', version: 1, sha256: one.sha256 }] })).toThrow(
    failing('version-missing-requirement', "version 1 of task 'tops'"),
  );
});

test('a digest is recorded once', () => {
  const { id } = add();
  store.versions.recordDigest(id, 'aa');
  store.versions.recordDigest(id, 'aa');
  expect(store.versions.get(id)?.digest).toBe('aa');
  expect(() => store.versions.recordDigest(id, 'bb')).toThrow(failing('version-digest-differs', 'aa'));
});
