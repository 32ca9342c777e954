import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mlp } from '../../bench/continual/networks.js';
import { addRows, readRows } from '../../bench/continual/results.js';
import { type ContinualResult, runContinual } from '../../bench/continual/run.js';
import { circumstances } from '../../bench/record.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { errorOf } from '../error-of.js';
import { digitPairs, PIXELS } from '../learn/sequence/mnist-tasks.js';

const folder = mkdtempSync(join(tmpdir(), 'lichen-results-'));
afterAll(() => rmSync(folder, { recursive: true }));

const benchmark = {
  ...{ summary: 'few pictures', scenario: 'class' as const, classes: 4 },
  training: { epochs: 1, batch: 20, optimizer: 'adam' as const, rate: 1e-3, threads: 1 },
  methods: { gdumb: { settings: { memory: 10 } } },
  variants: { larger: { settings: { memory: 40 } } },
  tasks: () => digitPairs(2, 60, 50),
  crown: () => mlp(PIXELS, [20], 1),
};
const sources = { engine: new OrtEngine(), data: '', say: () => {} };
const run = (variant?: string): Promise<ContinualResult> =>
  runContinual(sources, 'gdumb', 'few', benchmark, 0, () => {}, 1, variant);

describe('runs of a benchmark', () => {
  it('take a variant’s settings in place of the method’s own, and are kept beside the others', async () => {
    const file = join(folder, 'few.json');
    const [plain, larger] = [await run(), await run('larger')];
    expect(plain.bytes.memory).toBe(4 * 10 * PIXELS);
    expect(larger.bytes.memory).toBe(4 * 40 * PIXELS);
    expect([plain.variant, larger.variant]).toEqual([undefined, 'larger']);
    for (const rows of [[plain], [larger], [larger]]) addRows(file, rows, circumstances('test'));
    expect(readRows(file).map((r) => r.variant)).toEqual([undefined, 'larger']);
    expect(readRows(file)[1]!.acc).toBe(larger.acc);
  });

  it('are not read from a file that is something else', () => {
    const file = join(folder, 'other.json');
    writeFileSync(file, '{"runs": 3}');
    expect(errorOf(() => readRows(file)).code).toBe('bench-data-invalid');
  });
});
