import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { loadManifest } from '../../src/backbone/manifest.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { encodeModel } from '../../src/onnx/write.js';
import { rejectionOf } from '../error-of.js';
import { encodeExternal } from '../onnx/models.js';
import { scratchFolder } from '../store/scratch.js';
import { tinyManifest, tinyModel, writeTiny } from './tiny-backbone.js';

const engine = new OrtEngine();
const scratch = scratchFolder();
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A backbone with its weights in two files beside it. */
function writeParts(changes: Record<string, unknown> = {}): string {
  let turn = 0;
  const { bytes, files } = encodeExternal(tinyModel(), () => ({ location: `weights/${turn++ % 2}.bin` }));
  mkdirSync(scratch.path('parts', 'weights'), { recursive: true });
  for (const [name, data] of files) writeFileSync(scratch.path('parts', name), data);
  writeFileSync(scratch.path('parts', 'tiny.onnx'), bytes);
  const externalData = [...files].map(([file, data]) => ({ file, sha256: sha256(data) }));
  const file = scratch.path('parts', 'tiny.json');
  writeFileSync(file, JSON.stringify({ ...tinyManifest(bytes), externalData, ...changes }));
  return file;
}

describe('a backbone with its weights in other files', () => {
  it('is the same network as in one file', async () => {
    const whole = await Backbone.open(writeTiny(scratch.path('whole')), engine);
    const parts = await Backbone.open(writeParts(), engine);
    for (const key of ['trunkModel', 'crownModel'] as const) {
      expect(Buffer.from(encodeModel(parts[key])).equals(encodeModel(whole[key])), key).toBe(true);
    }
    expect(parts.bytes).toBeGreaterThan(whole.bytes);
    const listed = ['tiny.onnx', 'weights/0.bin', 'weights/1.bin'];
    expect(parts.bytes).toBe(
      listed.reduce((sum, name) => sum + readFileSync(scratch.path('parts', name)).length, 0),
    );
  });

  it('is another backbone when any of its files is another, in whatever order they are listed', () => {
    const { sha256: before, manifest } = loadManifest(writeParts());
    expect(before).not.toBe(manifest.sha256);
    const listed = manifest.externalData!;
    expect(loadManifest(writeParts({ externalData: listed.toReversed() })).sha256).toBe(before);
    const file = writeParts();
    const weights = readFileSync(scratch.path('parts', 'weights', '1.bin'));
    weights[0]! ^= 1;
    writeFileSync(scratch.path('parts', 'weights', '1.bin'), weights);
    const other = listed.map((e) => (e.file.endsWith('1.bin') ? { ...e, sha256: sha256(weights) } : e));
    writeFileSync(file, JSON.stringify({ ...manifest, externalData: other }));
    expect(loadManifest(file).sha256).not.toBe(before);
  });

  it('in one file, is identified by that file', () => {
    const { sha256: id, manifest } = loadManifest(writeTiny(scratch.path()));
    expect(id).toBe(manifest.sha256);
  });

  it('is refused when one bit of the weights changed', async () => {
    const file = writeParts();
    const weights = readFileSync(scratch.path('parts', 'weights', '0.bin'));
    const meant = sha256(weights);
    weights[5]! ^= 1;
    writeFileSync(scratch.path('parts', 'weights', '0.bin'), weights);
    const error = await rejectionOf(Backbone.open(file, engine));
    expect(error.code).toBe('backbone-invalid');
    expect(error.message).toContain(`its sha256 is ${sha256(weights)}, expected ${meant}`);
    expect(error.message).toContain('weights/0.bin is not the file');
  });

  it.each<[string, unknown, string, RegExp]>([
    [
      'lists none',
      undefined,
      'backbone-invalid',
      /keeps data in 'weights\/[01]\.bin', which .*tiny\.json does not list; add/,
    ],
    [
      'lists another',
      [{ file: 'tiny.json', sha256: '0'.repeat(64) }],
      'backbone-invalid',
      /tiny\.json is not the file/,
    ],
    [
      'lists one that is not there',
      [{ file: 'none.bin', sha256: '0'.repeat(64) }],
      'backbone-unreadable',
      /none\.bin: ENOENT/,
    ],
    [
      'lists one outside',
      [{ file: '../out.bin', sha256: '0'.repeat(64) }],
      'backbone-unreadable',
      /only files in the model's folder/,
    ],
    [
      'lists a link to one outside',
      [{ file: 'link.bin', sha256: '0'.repeat(64) }],
      'backbone-unreadable',
      /a link that leads out/,
    ],
    ['says no hash', [{ file: 'weights/0.bin' }], 'backbone-invalid', /externalData/],
  ])('is refused when its manifest %s', async (_, externalData, code, message) => {
    writeFileSync(scratch.path('out.bin'), '');
    const file = writeParts({ externalData });
    symlinkSync('../out.bin', scratch.path('parts', 'link.bin'));
    const error = await rejectionOf(Backbone.open(file, engine));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('is refused before it is read when all its files have more than 2 GiB', async () => {
    const file = writeParts();
    truncateSync(scratch.path('parts', 'weights', '0.bin'), 2 ** 31 - 100);
    const before = process.memoryUsage.rss();
    const error = await rejectionOf(Backbone.open(file, engine));
    expect(error.code).toBe('backbone-unreadable');
    expect(error.message).toMatch(/it has \d+ bytes with its external data; at most 2147483647 .*2 GiB/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 27);
  });
});
