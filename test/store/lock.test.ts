import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { StoreLock } from '../../src/store/lock.js';
import { openStore } from '../../src/store/store.js';
import { ChildProgram } from './child-program.js';

let program: ChildProgram;
let folder: string;
beforeAll(async () => {
  program = await ChildProgram.from(fileURLToPath(new URL('./version-writer.ts', import.meta.url)));
});
afterAll(() => program.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lichen-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the lock is refused while this process holds it, and free after release', () => {
  const lock = StoreLock.acquire(folder);
  expect(readFileSync(join(folder, 'lock.pid'), 'utf8')).toBe(`${process.pid}\n`);
  expect(() => StoreLock.acquire(folder)).toThrow(
    expect.objectContaining({
      code: 'store-locked',
      message: expect.stringContaining(`process ${process.pid}`),
    }),
  );
  lock.release();
  lock.release();
  expect(existsSync(join(folder, 'lock.pid'))).toBe(false);
  StoreLock.acquire(folder).release();
});

test('a second process is refused while the first lives, may read, and takes over when the first was killed', async () => {
  const first = program.start(folder);
  await first.printed(3);
  const second = program.start(folder);
  expect(await second.ended).toBe(false);
  expect(JSON.parse(second.lines[0]!).failed).toContain(`process ${first.pid}`);

  const reader = openStore(folder, { readOnly: true });
  expect(reader.versions.list('tops').length).toBeGreaterThan(0);
  expect(() =>
    reader.tasks.create({ name: 'x', isolation: 'pnn', backbone: { name: 'b', sha256: '', split: '' } }),
  ).toThrow(expect.objectContaining({ code: 'store-read-only' }));
  reader.close();

  await first.kill();
  expect(existsSync(join(folder, 'lock.pid'))).toBe(true);
  const store = openStore(folder);
  expect(store.settings.get('boot')).toBe('1');
  store.close();
});

test('the id of another living process in lock.pid is no lock', () => {
  writeFileSync(join(folder, 'lock.pid'), '1\n');
  const store = openStore(folder);
  expect(readFileSync(join(folder, 'lock.pid'), 'utf8')).toBe(`${process.pid}\n`);
  store.close();
});
