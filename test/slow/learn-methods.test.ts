import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LearnResult } from '../../src/cli/learn-result.js';
import { lichen } from '../e2e/lichen.js';

const PICTURES = resolve('models/demo-pictures/train');
const folder = mkdtempSync(join(tmpdir(), 'lichen-e2e-'));
const SETS = { goods: ['shoes-and-bags', 'bag', 'sandal'], tops: ['tops', 'coat', 'dress'] } as const;
type Task = keyof typeof SETS;

beforeAll(() => {
  for (const [task, [set, ...labels]] of Object.entries(SETS)) {
    for (const label of labels) {
      mkdirSync(join(folder, task, label), { recursive: true });
      const from = join(PICTURES, set, label);
      for (const f of readdirSync(from).sort().slice(0, 12))
        cpSync(join(from, f), join(folder, task, label, f));
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const command = (task: Task, method: string, store: string, ...more: string[]) => [
  ...[
    'learn',
    '--data',
    join(folder, task),
    '--task',
    task,
    '--method',
    method,
    '--epochs',
    '2',
    '--batch',
    '8',
  ],
  ...['--held-out', '0', '--quiet', '--json', '--store', join(folder, store), ...more],
];

async function learn(task: Task, method: string, store: string, ...more: string[]): Promise<LearnResult> {
  const { code, out, err } = await lichen(command(task, method, store, ...more));
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out);
}

describe('two tasks in a row in one store', () => {
  it.each([
    ['piggyback', 'piggyback'],
    ['pnn', 'pnn'],
    ['den', 'den'],
    ['cpg', 'cpg'],
    ['ewc', 'shared'],
    ['vcl', 'shared'],
    ['ags-cl', 'shared'],
    ['er', 'shared'],
    ['gem', 'shared'],
    ['a-gem', 'shared'],
    ['ewc+er', 'shared'],
  ])('are learned by %s, answer, and are verified', async (method, isolation) => {
    const store = `store-${method}`;
    const first = await learn(
      'goods',
      method,
      store,
      ...(isolation === 'shared' ? ['--replay', '16MiB'] : []),
    );
    expect(first).toMatchObject({ task: 'goods', method, isolation, promoted: true, affected: [] });
    const second = await learn('tops', method, store);
    expect(second).toMatchObject({ task: 'tops', method, isolation, promoted: true });
    const changes = isolation === 'shared' || isolation === 'den';
    expect(second.affected.map((a) => a.task)).toEqual(changes ? ['goods'] : []);
    if (isolation === 'piggyback' || isolation === 'pnn') expect(second.replay).toBeNull();
    else {
      const { usedBytes, capBytes, reservedBytes, samples } = second.replay!;
      expect(usedBytes).toBeLessThanOrEqual(capBytes);
      expect({ capBytes, samples }).toEqual({ capBytes: 16 * 2 ** 20, samples: 48 });
      expect(reservedBytes).toBeGreaterThan(100_000);
    }
    const at = ['--store', join(folder, store), '--json'];
    const { ok, versions } = JSON.parse((await lichen(['verify', ...at])).out);
    expect({ ok, versions: versions.length }).toEqual({ ok: true, versions: changes ? 3 : 2 });
    const out = (await lichen(['evaluate', '--data', join(folder, 'goods'), '--task', 'goods', ...at])).out;
    expect(JSON.parse(out).accuracy).toBeGreaterThan(0.8);
  });

  it('refuses what does not go together, and options that a method has no use for', async () => {
    const refusals: [string, string[], RegExp][] = [
      ['vcl+gem', [], /gem compares gradients/],
      ['cpg+er', [], /cpg keeps what each task learned apart/],
      ['piggyback+ewc', [], /nothing to hold in place/],
      ['ewk', [], /there is no method 'ewk' to learn with; known: piggyback/],
      ['er', ['--lambda', '3'], /'--lambda' is for ewc/],
      ['ewc', ['--hardest', '0.3'], /'--hardest' is for piggyback, pnn and auto/],
      ['piggyback', ['--replay', '16MiB'], /'--replay' is for methods that keep something/],
      ['ewc', ['--memory', '300MiB'], /'--memory' is for piggyback, pnn and auto/],
      ['ewc', ['--replay', '1MiB'], /it must be at least \d+, which holds 8 samples/],
    ];
    for (const [method, more, message] of refusals) {
      const { code, err } = await lichen(command('goods', method, 'refused', ...more));
      expect(code).toBe(2);
      expect(err).toMatch(message);
    }
  });
});
