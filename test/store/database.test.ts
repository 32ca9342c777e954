import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/store/database.js';
import { ChildProgram } from './child-program.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const NOTES = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, extra BLOB) STRICT';
const failing = (code: string, text = '') =>
  expect.objectContaining({ name: 'LichenError', code, message: expect.stringContaining(text) });

test('a new database is created with its folder, private, durable and with foreign keys', () => {
  const database = openDatabase(scratch.path('a', 'b.db'), [NOTES]);
  expect(statSync(scratch.path('a')).mode & 0o777).toBe(0o700);
  expect(database.pragma('journal_mode')).toBe('wal');
  expect(database.pragma('synchronous')).toBe(2);
  expect(database.pragma('foreign_keys')).toBe(1);
  expect(database.pragma('user_version')).toBe(1);
  database.close();
});

test('migrations run once each, in order, and a failing one leaves the version before it', () => {
  const file = scratch.path('m.db');
  const first = openDatabase(file, [NOTES]);
  first.prepare('INSERT INTO notes (text) VALUES (?)').run('kept');
  first.close();

  const broken = 'ALTER TABLE notes ADD COLUMN at INTEGER; INSERT INTO nowhere VALUES (1)';
  expect(() => openDatabase(file, [NOTES, broken])).toThrow(/nowhere/);

  const second = openDatabase(file, [NOTES, 'ALTER TABLE notes ADD COLUMN at INTEGER DEFAULT 7']);
  expect(second.prepare('SELECT text, at FROM notes').all()).toEqual([{ text: 'kept', at: 7 }]);
  expect(second.pragma('user_version')).toBe(2);
  second.close();
  expect(() => openDatabase(file, [NOTES])).toThrow(failing('store-newer', 'schema 2'));
});

test('a reader creates nothing, migrates nothing and writes nothing', () => {
  const file = scratch.path('r.db');
  expect(() => openDatabase(file, [NOTES], { readOnly: true })).toThrow(failing('store-missing', file));
  openDatabase(file, [NOTES]).close();
  expect(() => openDatabase(file, [NOTES, 'SELECT 1'], { readOnly: true })).toThrow(
    failing('store-outdated'),
  );
  const reader = openDatabase(file, [NOTES], { readOnly: true });
  expect(() => reader.exec(`INSERT INTO notes (text) VALUES ('x')`)).toThrow(
    failing('store-read-only', file),
  );
  reader.close();
});

test('a file that is no database is named and left as it was', () => {
  const file = scratch.path('holiday.jpg');
  const bytes = Buffer.alloc(9_000, 'not a database ');
  writeFileSync(file, bytes);
  expect(() => openDatabase(file, [NOTES])).toThrow(failing('store-not-a-database', file));
  expect(readFileSync(file).equals(bytes)).toBe(true);
  mkdirSync(scratch.path('folder'));
  expect(() => openDatabase(scratch.path('folder'), [NOTES])).toThrow(
    failing('store-not-a-database', 'folder'),
  );
  expect(() => openDatabase(`${file}/x.db`, [NOTES])).toThrow(failing('store-unusable', file));
});

test('a user without the right to write is told so, by name of the file', async () => {
  const file = scratch.path('locked', 'a.db');
  openDatabase(file, []).close();
  chmodSync(scratch.path(), 0o755);
  chmodSync(scratch.path('locked'), 0o500);
  const program = await ChildProgram.from(fileURLToPath(new URL('./opening-program.ts', import.meta.url)));
  chmodSync(program.folder, 0o755);
  // Root may write everywhere, so as root the child runs as nobody.
  const child = program.start(file, process.getuid?.() === 0 ? { uid: 65_534 } : {});
  expect(await child.ended).toBe(true);
  expect(child.lines[0]).toBe('store-no-permission');
  expect(child.lines[1]).toContain(file);
  chmodSync(scratch.path('locked'), 0o700);
  program.remove();
});

test('a transaction is all or nothing, also inside another one', () => {
  const database = openDatabase(scratch.path('t.db'), [NOTES]);
  const insert = database.prepare('INSERT INTO notes (text) VALUES (?)');
  const texts = () =>
    database
      .prepare<{ text: string }>('SELECT text FROM notes')
      .all()
      .map((row) => row.text);
  const failingInsert = database.transaction((text: string) => {
    insert.run(text);
    throw new Error('no');
  });
  expect(() => failingInsert('a')).toThrow('no');
  expect(texts()).toEqual([]);

  database.transaction(() => {
    insert.run('outer');
    expect(() => failingInsert('inner')).toThrow('no');
    database.transaction(() => insert.run('second'))();
  })();
  expect(texts()).toEqual(['outer', 'second']);
  expect(database.inTransaction).toBe(false);
  database.close();
});

test('a disk that is full is reported as that, and what was kept stays', () => {
  const database = openDatabase(scratch.path('f.db'), [NOTES]);
  const insert = database.prepare('INSERT INTO notes (text, extra) VALUES (?, ?)');
  insert.run('kept', null);
  // SQLite's own limit gives the same result code as a full file system.
  database.pragma('max_page_count = 20');
  const fill = database.transaction(() => {
    for (let i = 0; i < 100; i++) insert.run('x', Buffer.alloc(4_000));
  });
  expect(fill).toThrow(failing('store-full', 'disk is full'));
  expect(database.prepare('SELECT text FROM notes').all()).toEqual([{ text: 'kept' }]);
  insert.run('small', null);
  database.close();
});

test('a second writer waits for its turn and is told when it does not come', () => {
  const file = scratch.path('w.db');
  const one = openDatabase(file, [NOTES]);
  const two = openDatabase(file, [NOTES]);
  two.pragma('busy_timeout = 20');
  one.exec('BEGIN IMMEDIATE');
  expect(() => two.exec(`INSERT INTO notes (text) VALUES ('x')`)).toThrow(failing('store-busy', file));
  one.exec('COMMIT');
  two.exec(`INSERT INTO notes (text) VALUES ('x')`);
  one.close();
  two.close();
  two.close();
  expect(() => two.prepare('SELECT 1')).toThrow(failing('store-closed'));
});
