import { afterEach, beforeEach, expect, test } from 'vitest';
import { Database } from '../../src/store/database.js';
import { bindable, type SqlValue } from '../../src/store/statement.js';

let database: Database;
beforeEach(() => {
  database = new Database(':memory:');
  database.exec('CREATE TABLE things (value)');
});
afterEach(() => database.close());

const kept = () =>
  database
    .prepare<{ type: string; value: SqlValue }>('SELECT typeof(value) AS type, value FROM things')
    .all();

test.each<[string, SqlValue, unknown]>([
  ['integer', 1_785_000_000_000, 1_785_000_000_000],
  ['integer', 7n, 7],
  ['real', 0.5, 0.5],
  ['text', 'a', 'a'],
  ['null', null, null],
  ['blob', new Uint8Array([1, 2, 3]).subarray(1), Buffer.from([2, 3])],
  ['blob', new Uint8Array(0), Buffer.alloc(0)],
])('a lone %s parameter comes back as it was', (type, value, expected) => {
  expect(database.prepare('INSERT INTO things VALUES (?)').run(value)).toEqual({
    changes: 1,
    lastInsertRowid: 1,
  });
  expect(kept()).toEqual([{ type, value: expected }]);
});

test('parameters can be named', () => {
  database.prepare('INSERT INTO things VALUES (@value)').run({ value: new Uint8Array([9]) });
  expect(kept()).toEqual([{ type: 'blob', value: Buffer.from([9]) }]);
});

test.each([
  true,
  undefined,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  new Date(0),
  { a: 1 },
  [1],
  new Float32Array(1),
])('the value %s, which would end the process or be kept as something else, is refused', (value) => {
  expect(() => bindable([1, value as SqlValue])).toThrow(
    expect.objectContaining({ code: 'store-bad-value', message: expect.stringContaining('number 2') }),
  );
});

test('a single row is the row and nothing else; no row is undefined', () => {
  database.exec('INSERT INTO things VALUES (1)');
  const select = database.prepare('SELECT value FROM things WHERE value = ?');
  expect(select.get(1)).toEqual({ value: 1 });
  expect(select.get(2)).toBeUndefined();
  database.prepare('INSERT INTO things VALUES (?)').run(new Uint8Array([5]));
  expect(database.prepare('SELECT value FROM things WHERE rowid = 2').get()).toEqual({
    value: Buffer.from([5]),
  });
  database.close();
  expect(() => select.get(1)).toThrow(expect.objectContaining({ code: 'store-closed' }));
});
