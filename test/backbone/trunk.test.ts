import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { decodeLatent, latentBytes } from '../../src/backbone/latent.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { readPicture } from '../../src/backbone/picture.js';
import type { Trunk } from '../../src/backbone/trunk.js';
import { OrtEngine } from '../../src/engine/ort.js';

const COUNT = 8;
const FOLDER = 'models/demo-pictures/test/tops/dress';
const engine = new OrtEngine();
let backbone: Backbone;
let trunk: Trunk;
let pictures: Float32Array;
let together: Float32Array;

beforeAll(async () => {
  backbone = await Backbone.open(defaultManifest(), engine);
  trunk = await backbone.openTrunk(engine);
  const { input } = backbone.manifest;
  const size = 3 * input.width * input.height;
  pictures = new Float32Array(COUNT * size);
  for (const [i, file] of readdirSync(FOLDER).sort().slice(0, COUNT).entries()) {
    await readPicture(`${FOLDER}/${file}`, input, pictures, i * size);
  }
  together = await trunk.floatLatents(pictures, COUNT);
});
afterAll(() => trunk.close());

const picture = (i: number) =>
  pictures.subarray((i * pictures.length) / COUNT, ((i + 1) * pictures.length) / COUNT);

describe('the trunk', () => {
  it('gives a latent of the stated shape for each picture', () => {
    expect(together.length).toBe(COUNT * 192 * 7 * 7);
    expect(together.every((v) => Number.isFinite(v))).toBe(true);
    expect(Math.max(...together)).toBeGreaterThan(1);
  });

  it('gives one picture the same latent alone as among eight, to rounding', async () => {
    const size = together.length / COUNT;
    const peak = together.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    let worst = 0;
    for (let i = 0; i < COUNT; i++) {
      const alone = await trunk.floatLatents(picture(i), 1);
      alone.forEach((v, k) => {
        worst = Math.max(worst, Math.abs(v - together[i * size + k]!));
      });
    }
    expect(worst / peak).toBeLessThan(1e-5);
  });

  it('gives different pictures different latents, and the same one the same bits again', async () => {
    expect(await trunk.floatLatents(pictures, COUNT)).toEqual(together);
    const encoded = await trunk.latents(pictures, COUNT);
    const distinct = new Set(encoded.map((l) => Buffer.from(l).toString('hex')));
    expect(distinct.size).toBe(COUNT);
  });

  it('encodes each latent within half a step of its channel', async () => {
    const codec = backbone.latentCodec;
    const size = together.length / COUNT;
    const encoded = await trunk.latents(pictures, COUNT);
    expect(encoded.every((l) => l.length === latentBytes(codec))).toBe(true);
    let outside = 0;
    for (const [i, latent] of encoded.entries()) {
      const back = decodeLatent(latent, codec);
      for (let c = 0; c < codec.channels; c++) {
        const from = i * size + c * codec.positions;
        const row = together.subarray(from, from + codec.positions);
        const peak = row.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        row.forEach((v, p) => {
          if (Math.abs(v - back[c * codec.positions + p]!) > (peak / 127) * 0.63 + 1e-6) outside++;
        });
      }
    }
    expect(outside).toBe(0);
  });

  it('takes only as many pictures as it is told from a larger buffer', async () => {
    const two = await trunk.latents(pictures, 2);
    expect(two).toHaveLength(2);
    expect((await trunk.latents(pictures, COUNT))[1]).toEqual(two[1]);
  });
});
