import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backboneTasks } from '../../../bench/continual/backbone-tasks.js';
import { BENCHMARKS } from '../../../bench/continual/benchmarks.js';
import { OrtEngine } from '../../../src/engine/ort.js';

describe('the sequence on the default backbone', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('says what to download before anything is computed', async () => {
    const said: string[] = [];
    const sources = { engine: new OrtEngine(), data: folder, say: (text: string) => said.push(text) };
    await expect(backboneTasks(0, sources)).rejects.toThrow(
      /there are no photographs in .*hand-signs.*download/s,
    );
    expect(said).toEqual([]);
    expect(existsSync(join(folder, 'hand-signs'))).toBe(false);
  });

  test('has the backbone’s crown, and a class for every label', async () => {
    const sources = { engine: new OrtEngine(), data: folder, say: () => {} };
    const benchmark = BENCHMARKS['backbone-sequence']!;
    const crown = await benchmark.crown(0, sources);
    expect(crown.latentShape).toEqual([192, 7, 7]);
    expect(benchmark.classes).toBe(10 + 6 + 10 + 10);
  });
});
