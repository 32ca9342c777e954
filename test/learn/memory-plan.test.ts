import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { TfjsEngine } from '../../src/engine/tfjs.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { planTraining } from '../../src/learn/memory-plan.js';
import { isolationNamed, regularizationNamed, rehearsalNamed } from '../../src/learn/methods.js';
import { LEAN_ALLOCATOR } from '../../src/process-memory.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { smallBackbone } from './small-backbone.js';

const program = fileURLToPath(new URL('capped-training.ts', import.meta.url));
const MIB = 2 ** 20;

/** A training of the default crown in a process of its own: what it planned and came to, or why it was refused. */
async function training(
  cap: number,
  env: NodeJS.ProcessEnv,
  method = 'piggyback',
): Promise<{ peak: number; pieces: number } | { refused: string }> {
  const child = spawnTypeScript(program, [String(cap), method], env);
  const line = await child.line('{');
  await child.ended;
  return JSON.parse(line);
}

/** The same at little above the smallest cap that would do, as the refusal of a smaller one names it. */
async function tightTraining(env: NodeJS.ProcessEnv, method?: string) {
  const refused = await training(60 * MIB, env, method);
  const [, smallest] = /smallest cap that would do is (\d+) MiB/.exec(
    'refused' in refused ? refused.refused : '',
  )!;
  const cap = (Number(smallest) + 8) * MIB;
  const trained = await training(cap, env, method);
  if ('refused' in trained) throw new Error(trained.refused);
  return { cap, ...trained };
}

// Peaks are read from /proc.
describe.skipIf(!existsSync('/proc/self/status'))('a training under a cap', () => {
  it.each([
    [
      "the C library's own allocator",
      { MALLOC_ARENA_MAX: undefined, MALLOC_TRIM_THRESHOLD_: undefined },
      ['piggyback'],
    ],
    ['the lean allocator', LEAN_ALLOCATOR, ['piggyback', 'pnn']],
  ])(
    'is refused with the smallest cap that would do, and stays below that one, with %s',
    async (_, env, methods) => {
      for (const method of methods) {
        const { peak, cap, pieces } = await tightTraining(env, method);
        expect(peak, method).toBeLessThan(cap);
        expect(pieces, method).toBeGreaterThan(1);
      }
      // Below more it is computed in fewer pieces.
      expect(await training(700 * MIB, env)).toMatchObject({ pieces: 1 });
    },
  );
});

it('no training is planned under a cap in TensorFlow, which would not keep it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lichen-plan-'));
  try {
    const backbone = await smallBackbone(folder, new OrtEngine());
    const strategies = {
      isolation: isolationNamed('piggyback'),
      regularization: regularizationNamed('none'),
      rehearsal: rehearsalNamed('er'),
    };
    const data = { backbone, classes: ['a', 'b'], samples: [] };
    const tfjs = TfjsEngine.open({ backend: 'javascript' });
    const planned = planTraining(tfjs, strategies, data, [], LEARNER_DEFAULTS, 2 ** 30);
    await expect(planned).rejects.toMatchObject({
      code: 'memory-cap',
      message: expect.stringMatching(/engine tfjs/),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
