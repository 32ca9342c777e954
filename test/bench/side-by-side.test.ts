import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type SideRun, sideBySide } from '../../bench/continual/side-by-side/side-by-side.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe('Lichen beside Avalanche', () => {
  it('runs a method in a process of its own and tells what it took', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--import', file('../typescript-loader.mjs')],
      file('../../bench/continual/side-by-side/lichen-run.ts'),
      ...['--method', 'naive', '--benchmark', 'split-mnist-few', '--seed', '1'],
    ]);
    const run = JSON.parse(stdout) as SideRun;
    expect(run.acc).toBeGreaterThan(0.6);
    expect(run.cpuSeconds).toBeGreaterThan(0);
    expect(run.seconds).toBeGreaterThan(0);
    expect(run.peakRssBytes).toBeGreaterThan(50 * 2 ** 20);
    expect(run.versions.onnxruntime).toMatch(/^1\./);
  });

  it('says which program failed, and of what', async () => {
    const entry = file('no-such-entry.js');
    await expect(
      sideBySide(
        { benchmark: 'permuted-mnist-avalanche', methods: ['naive'], rounds: 1, peerThreads: 1, entry },
        () => {},
      ),
    ).rejects.toMatchObject({
      code: 'bench-peer-failed',
      message: expect.stringMatching(/no-such-entry\.js.*Cannot find module/s),
    });
  });
});
