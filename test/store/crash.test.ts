import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../../src/random.js';
import { openStore } from '../../src/store/store.js';
import { ChildProgram } from './child-program.js';

interface Line {
  boot?: number;
  added?: number;
  sha256?: string;
  current?: number | null;
  deleted?: number;
  failed?: string;
}

let program: ChildProgram;
let folder: string;
beforeAll(async () => {
  program = await ChildProgram.from(fileURLToPath(new URL('./version-writer.ts', import.meta.url)));
  folder = mkdtempSync(join(tmpdir(), 'lichen-store-'));
});
afterAll(() => {
  program.remove();
  rmSync(folder, { recursive: true });
});

test('a writer killed at any moment leaves whole versions and the last state it announced, or the next', async () => {
  const random = new Random(7);
  let kept = new Map<number, string>();
  const currents: (number | null)[] = [null];
  for (let round = 1; round <= 20; round++) {
    const child = program.start(folder);
    await child.printed(1 + random.int(40));
    await new Promise((resume) => setTimeout(resume, random.next() * 5));
    await child.kill();
    const lines = child.lines.map((line) => JSON.parse(line) as Line);
    expect(lines.find((line) => line.failed)).toBeUndefined();
    expect(lines[0]?.boot).toBe(round);

    for (const { added, sha256, deleted } of lines) {
      if (added !== undefined) kept.set(added, sha256!);
      if (deleted !== undefined) kept.delete(deleted);
    }
    // The lock went with the process: the store opens for writing at once.
    const store = openStore(folder);
    expect(store.database.pragma('integrity_check')).toBe('ok');
    const found = new Map(store.versions.list('tops').map((v) => [v.number, v]));
    for (const version of found.values())
      expect(store.versions.adapter(version.id).length).toBe(version.adapterBytes);
    // At most one call was under way: one version more than announced, or one fewer.
    const missing = [...kept.keys()].filter((number) => !found.has(number));
    const extra = [...found.keys()].filter((number) => !kept.has(number));
    expect(missing.length + extra.length).toBeLessThanOrEqual(1);
    for (const [number, sha256] of kept)
      if (found.has(number)) expect(found.get(number)!.sha256).toBe(sha256);
    // The current version is the one announced last, or what the call under way makes of it.
    const current = store.versions.current('tops')?.number ?? null;
    for (const line of lines) if (line.current !== undefined) currents.push(line.current);
    const last = lines.at(-1)!;
    const underWay =
      last.added !== undefined
        ? last.added
        : last.current !== undefined && last.current !== null && last.current % 3 === 0
          ? currents.findLast((number) => number !== last.current)
          : undefined;
    expect([currents.at(-1), underWay]).toContain(current);
    if (current !== currents.at(-1)) currents.push(current);
    kept = new Map([...found.values()].map((v) => [v.number, v.sha256]));
    store.close();
  }
});
