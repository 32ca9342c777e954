import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { decodeLatent } from '../../src/backbone/latent.js';
import { latentsOfFiles, sampleId } from '../../src/backbone/latents.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Trunk } from '../../src/backbone/trunk.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { scratchFolder } from '../store/scratch.js';

const FOLDER = 'models/demo-pictures/test/tops/coat';
const FILES = readdirSync(FOLDER)
  .sort()
  .slice(0, 11)
  .map((f) => `${FOLDER}/${f}`);
const scratch = scratchFolder();
const engine = new OrtEngine();
let backbone: Backbone;
let trunk: Trunk;

beforeAll(async () => {
  backbone = await Backbone.open(defaultManifest(), engine);
  trunk = await backbone.openTrunk(engine);
});
afterAll(() => trunk.close());

const read = (files: readonly string[], batch: number, onProgress?: (n: number) => void) =>
  latentsOfFiles(files, trunk, backbone.manifest.input, batch, onProgress);

describe('the latents of files', () => {
  it('come in order, by the hash of the bytes, with progress a batch', async () => {
    const progress: number[] = [];
    const { latents, unreadable } = await read(FILES, 4, (n) => progress.push(n));
    expect(unreadable).toEqual([]);
    expect(latents.map((l) => l.file)).toEqual(FILES);
    for (const l of latents) {
      expect(l.id).toBe(createHash('sha256').update(readFileSync(l.file)).digest('hex').slice(0, 32));
      expect(l.id).toBe(sampleId(readFileSync(l.file)));
    }
    expect(progress).toEqual([4, 8, 11]);
  });

  it('are the same in batches of eight as one by one, to a step of the codec', async () => {
    const [alone, together] = [await read(FILES, 1), await read(FILES, 8)];
    const codec = backbone.latentCodec;
    alone.latents.forEach(({ latent }, i) => {
      const a = decodeLatent(latent, codec);
      const b = decodeLatent(together.latents[i]!.latent, codec);
      for (let c = 0; c < codec.channels; c++) {
        const row = a.subarray(c * codec.positions, (c + 1) * codec.positions);
        const step = row.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 127;
        const worst = row.reduce((m, v, p) => Math.max(m, Math.abs(v - b[c * codec.positions + p]!)), 0);
        expect(worst).toBeLessThanOrEqual(1.1 * step + 1e-6);
      }
    });
  });

  it('leave out what cannot be read, with its reason, and keep the others where they belong', async () => {
    writeFileSync(scratch.path('text.png'), 'hello');
    writeFileSync(scratch.path('cut.png'), readFileSync(FILES[0]!).subarray(0, 200));
    writeFileSync(scratch.path('empty.png'), '');
    const bad = [
      scratch.path('text.png'),
      scratch.path('cut.png'),
      scratch.path('none.png'),
      scratch.path('empty.png'),
      scratch.path(),
    ];
    const mixed = [bad[0]!, FILES[0]!, bad[1]!, bad[2]!, FILES[1]!, FILES[2]!, bad[3]!, FILES[3]!, bad[4]!];
    const alone = new Map((await read(FILES.slice(0, 4), 1)).latents.map((l) => [l.file, l.latent]));
    for (const batch of [1, 3, 16]) {
      const { latents, unreadable } = await read(mixed, batch);
      expect(latents.map((l) => l.file)).toEqual(FILES.slice(0, 4));
      expect(unreadable.map((u) => u.file)).toEqual(bad);
      for (const u of unreadable) expect(u.reason.length).toBeGreaterThan(10);
      expect(unreadable.find((u) => u.file === bad[2])!.reason).toMatch(/ENOENT/);
      for (const { file, latent } of latents) {
        const wanted = alone.get(file)!;
        // The gap of a bad picture is closed: were it not, whole latents would be another picture's.
        const differing = latent.filter((v, k) => Math.abs(v - wanted[k]!) > 1).length;
        expect(differing / latent.length, `${file} in batches of ${batch}`).toBeLessThan(0.02);
      }
    }
  });

  it('of the same picture twice have the same id', async () => {
    copyFileSync(FILES[0]!, scratch.path('copy.png'));
    const { latents } = await read([FILES[0]!, scratch.path('copy.png')], 2);
    expect(latents[0]!.id).toBe(latents[1]!.id);
    expect(latents[0]!.latent).toEqual(latents[1]!.latent);
  });

  it('of no files, and of none that can be read, are none', async () => {
    expect(await read([], 8)).toEqual({ latents: [], unreadable: [] });
    const { latents, unreadable } = await read([scratch.path('a'), scratch.path('b')], 8);
    expect(latents).toEqual([]);
    expect(unreadable).toHaveLength(2);
  });
});
