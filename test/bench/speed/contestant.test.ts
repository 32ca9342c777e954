import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Contestant } from '../../../bench/speed/contestant.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const typescript = ['--import', file('../../typescript-loader.mjs')];
const started: Contestant[] = [];

async function start(...args: string[]): Promise<Contestant> {
  const contestant = await Contestant.start(process.execPath, args);
  started.push(contestant);
  return contestant;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((c) => c.close()));
});

describe("Lichen's side", () => {
  test('trains the network of four convolutions for as many steps as it is asked', async () => {
    const entry = file('../../../bench/speed/lichen-steps.ts');
    const lichen = await start(...typescript, entry, '--work', 'convnet', '--batch', '4', '--steps', '4');
    const { losses } = lichen.ready;
    expect(losses).toHaveLength(10);
    expect(losses[0]).toBeCloseTo(Math.log(10), 3);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const first = await lichen.run(2);
    expect(first.ms).toHaveLength(2);
    expect(first.ms.every((ms) => ms > 0)).toBe(true);
    expect(first.peakRssBytes).toBeGreaterThan(lichen.ready.importedRssBytes);
    expect(first.peakRssBytes).toBeGreaterThanOrEqual(first.workingPeakRssBytes);
    expect((await lichen.run(1)).ms).toHaveLength(1);
  });
});

describe('a side that fails', () => {
  test('before it is warm: the error has what it complained of', async () => {
    await expect(start('-e', 'console.error("no such form"); process.exit(3)')).rejects.toThrow(
      /ended \(3\).*no such form/s,
    );
  });

  test('while it works', async () => {
    const script =
      'console.log(JSON.stringify({ ready: true })); process.stdin.once("data", () => process.exit(4))';
    const side = await start('-e', script);
    await expect(side.run(1)).rejects.toMatchObject({ code: 'bench-peer-failed' });
  });

  test('a program that is not there', async () => {
    await expect(Contestant.start('/nowhere/python', [])).rejects.toThrow('/nowhere/python');
  });
});
