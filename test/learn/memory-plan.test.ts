import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LEAN_ALLOCATOR } from '../../src/process-memory.js';
import { spawnTypeScript } from '../spawn-typescript.js';

const program = fileURLToPath(new URL('capped-training.ts', import.meta.url));
const MIB = 2 ** 20;

/** A training of the default crown in a process of its own: what it planned and came to, or why it was refused. */
async function training(
  cap: number,
  env: NodeJS.ProcessEnv,
): Promise<{ peak: number; pieces: number } | { refused: string }> {
  const child = spawnTypeScript(program, [String(cap)], env);
  const line = await child.line('{');
  await child.ended;
  return JSON.parse(line);
}

describe.skipIf(!existsSync('/proc/self/status')).each([
  ["the C library's own allocator", { MALLOC_ARENA_MAX: undefined, MALLOC_TRIM_THRESHOLD_: undefined }],
  ['the lean allocator', LEAN_ALLOCATOR],
])('a training under a cap, with %s (peaks are read from /proc)', (_, env) => {
  it('is refused with the smallest cap that would do, stays below that one, and in fewer pieces below more', async () => {
    const refused = await training(60 * MIB, env);
    const [, smallest] = /smallest cap that would do is (\d+) MiB/.exec(
      'refused' in refused ? refused.refused : '',
    )!;
    const cap = (Number(smallest) + 8) * MIB;
    const tight = await training(cap, env);
    if ('refused' in tight) throw new Error(tight.refused);
    expect(tight.peak).toBeLessThan(cap);
    expect(tight.pieces).toBeGreaterThan(1);
    const wide = await training(700 * MIB, env);
    expect(wide).toMatchObject({ pieces: 1 });
  });
});
