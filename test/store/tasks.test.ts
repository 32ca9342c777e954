import { expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/store.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const failing = (code: string, text = '') =>
  expect.objectContaining({ name: 'LichenError', code, message: expect.stringContaining(text) });
const tops = {
  name: 'tops',
  isolation: 'piggyback',
  backbone: { name: 'efficientnet-lite0', sha256: 'ab12', split: 'block14.add' },
  classes: ['shirt', 'coat'],
} as const;

function reopened(store: Store): Store {
  store.close();
  return openStore(scratch.path());
}

test('a task keeps its classes in the order in which they came, across a restart', () => {
  let store = openStore(scratch.path());
  expect(store.tasks.create(tops, 5)).toEqual({ ...tops, createdAt: 5 });
  store.tasks.addClass('tops', 'bag');
  store.tasks.addClass('tops', 'shirt');
  store = reopened(store);
  expect(store.tasks.get('tops')).toEqual({ ...tops, classes: ['shirt', 'coat', 'bag'], createdAt: 5 });
  expect(store.tasks.list().map((task) => task.name)).toEqual(['tops']);
  expect(store.tasks.get('other')).toBeUndefined();
  store.close();
});

test('names and classes that cannot be are refused with the reason', () => {
  const store = openStore(scratch.path());
  for (const name of ['', 'a b', 'a/b', 'ä', '+', 'x'.repeat(65)]) {
    expect(() => store.tasks.create({ ...tops, name })).toThrow(failing('task-name-invalid', `'${name}'`));
  }
  for (const label of ['', ' a', 'a\n', 'é'.repeat(33), 'a\0b']) {
    expect(() => store.tasks.create({ ...tops, classes: [label] })).toThrow(failing('class-invalid'));
  }
  expect(() => store.tasks.create({ ...tops, classes: ['a', 'a'] })).toThrow(
    failing('class-invalid', 'twice'),
  );
  expect(store.tasks.list()).toEqual([]);
  store.tasks.create(tops);
  expect(() => store.tasks.create(tops)).toThrow(failing('task-exists', 'tops'));
  expect(() => store.tasks.require('hats')).toThrow(failing('task-unknown', 'tops'));
  store.close();
});

test('a closed task stays as it is, whoever writes', () => {
  let store = openStore(scratch.path());
  store.tasks.create(tops);
  const parts = [1, 2, 3].map((n) => new Uint8Array([n]));
  store.discriminants.save('tops', parts, 5);
  // A shorter one leaves nothing of a longer one before.
  store.discriminants.save('tops', parts.slice(0, 2), 6);
  store.tasks.close('tops', 9);
  store.tasks.close('tops', 10);
  store = reopened(store);
  expect(store.tasks.get('tops')?.closedAt).toBe(9);
  expect(() => store.tasks.addClass('tops', 'hat')).toThrow(failing('task-closed'));
  expect(() => store.discriminants.save('tops', [new Uint8Array(1)])).toThrow(failing('task-closed'));
  expect(store.discriminants.load('tops')).toEqual({ state: new Uint8Array([1, 2]), updatedAt: 6 });
  expect(() =>
    store.versions.add({
      task: 'tops',
      source: 'trained',
      isolation: 'piggyback',
      classes: ['shirt'],
      metrics: {},
      adapter: new Uint8Array(1),
    }),
  ).toThrow(failing('task-closed'));
  expect(() => store.versions.promote('tops', null, '')).toThrow(failing('task-closed'));
  expect(() => store.versions.rollback('tops')).toThrow(failing('task-closed'));
  for (const sql of [
    `UPDATE tasks SET closed_at = NULL`,
    `UPDATE tasks SET classes = '[]'`,
    `UPDATE discriminants SET state = x'00'`,
    `INSERT OR REPLACE INTO discriminants (task, state, updated_at) VALUES ('tops', x'00', 1)`,
    `UPDATE discriminant_parts SET bytes = x'00'`,
    `INSERT OR REPLACE INTO discriminant_parts (task, part, bytes) VALUES ('tops', 1, x'00')`,
    'DELETE FROM discriminant_parts',
    `INSERT INTO promotions (task, at, reason) VALUES ('tops', 1, '')`,
  ]) {
    expect(() => store.database.exec(sql), sql).toThrow(/task-closed/);
  }
  store.close();
});
