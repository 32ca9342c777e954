import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ChildProgram } from '../store/child-program.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
/** Mounts a small disk that only the command behind it sees, and that goes with it. */
const mounting = (folder: string) => [
  'unshare',
  '--user',
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  `mount -t tmpfs -o size=400k tmpfs '${folder}' && exec "$@"`,
  'sh',
];
const [command, ...words] = mounting('/mnt');
const mountable = spawnSync(command!, [...words, 'true']).status === 0;

test.skipIf(!mountable)(
  'a full disk is reported, loses nothing flushed, and the memory goes on (needs unprivileged user namespaces)',
  async () => {
    const folder = scratch.path('disk');
    mkdirSync(folder);
    const program = await ChildProgram.from(fileURLToPath(new URL('./full-disk-writer.ts', import.meta.url)));
    const child = program.start(folder, { through: mounting(folder) });
    expect(await child.ended, child.errors).toBe(true);
    const result = JSON.parse(child.lines[0]!);
    expect(result.code).toBe('replay-write-failed');
    expect(result.flushed).toBeGreaterThan(30);
    expect(result.stillOpen).toBe(result.flushed);
    // One was removed to make room.
    expect(result.afterRestart).toBe(result.flushed - 1);
    expect(result.roomAgain).toBe(true);
    expect(result.free).toBe(0);
    expect(result.files).toEqual(['replay.slab']);
    program.remove();
  },
);
