import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultManifest, loadManifest, packageRoot } from '../../src/backbone/manifest.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';
import { tinyManifest, writeTiny } from './tiny-backbone.js';

const scratch = scratchFolder();

const errorOfManifest = (file: string) => errorOf(() => loadManifest(file));

describe('the manifest that comes with Lichen', () => {
  it('is of the model beside it', () => {
    const { manifest, model, modelFile } = loadManifest(defaultManifest());
    expect(modelFile).toBe(join(packageRoot(), 'models', 'efficientnet-lite0.onnx'));
    expect(model.length).toBe(readFileSync(modelFile).length);
    expect(manifest).toMatchObject({ split: 'block14.add', latentShape: [192, 7, 7] });
    expect(manifest.input).toMatchObject({ name: 'image', width: 224, height: 224, mean: 127, std: 128 });
  });

  it("lies in the package's folder", () => {
    expect(existsSync(join(packageRoot(), 'package.json'))).toBe(true);
  });
});

describe('a manifest', () => {
  it('finds its model beside it, wherever the program runs', () => {
    const file = writeTiny(scratch.path('a', 'b'));
    expect(loadManifest(file).modelFile).toBe(scratch.path('a', 'b', 'tiny.onnx'));
    mkdirSync(scratch.path('models'));
    renameSync(scratch.path('a', 'b', 'tiny.onnx'), scratch.path('models', 'm.onnx'));
    writeFileSync(file, readFileSync(file, 'utf8').replace('tiny.onnx', '../../models/m.onnx'));
    expect(loadManifest(file).modelFile).toBe(scratch.path('models', 'm.onnx'));
  });

  it('may have a mean and a deviation per channel', () => {
    const input = {
      ...tinyManifest(new Uint8Array()).input,
      mean: [123.675, 116.28, 103.53],
      std: [58, 57, 56],
    };
    const { manifest } = loadManifest(writeTiny(scratch.path(), { input }));
    expect(manifest.input).toMatchObject({ mean: [123.675, 116.28, 103.53], std: [58, 57, 56] });
  });

  it('refuses a model of which one bit changed, and says both hashes', () => {
    const file = writeTiny(scratch.path());
    const model = readFileSync(scratch.path('tiny.onnx'));
    const meant = createHash('sha256').update(model).digest('hex');
    model[model.length >> 1]! ^= 1;
    writeFileSync(scratch.path('tiny.onnx'), model);
    const is = createHash('sha256').update(model).digest('hex');
    const error = errorOfManifest(file);
    expect(error.code).toBe('backbone-invalid');
    expect(error.message).toContain(`its sha256 is ${is}, expected ${meant}`);
    expect(error.message).toMatch(/tiny\.onnx is not the file that .*tiny\.json means.*Restore the file/s);
  });

  it.each([
    [
      'there is no model',
      () => rmSync(scratch.path('tiny.onnx')),
      'backbone-unreadable',
      /cannot read the backbone's .*tiny\.onnx: ENOENT/,
    ],
    [
      'there is no manifest',
      () => rmSync(scratch.path('tiny.json')),
      'backbone-unreadable',
      /cannot read the backbone's .*tiny\.json: ENOENT/,
    ],
    [
      'it is no JSON',
      () => writeFileSync(scratch.path('tiny.json'), '{"format": 1,'),
      'backbone-invalid',
      /tiny\.json is not a usable manifest: it is not JSON/,
    ],
    [
      'it is the model',
      () => renameSync(scratch.path('tiny.onnx'), scratch.path('tiny.json')),
      'backbone-invalid',
      /it is not JSON but a binary file; where it is the model itself, give the manifest[^\p{Cc}]+$/u,
    ],
    [
      'it is a folder',
      () => {
        rmSync(scratch.path('tiny.json'));
        mkdirSync(scratch.path('tiny.json'));
      },
      'backbone-invalid',
      /tiny\.json is not a usable manifest: it is a folder; give the manifest in it/,
    ],
    [
      'it is a list',
      () => writeFileSync(scratch.path('tiny.json'), '[]'),
      'backbone-invalid',
      /expected object, received array/,
    ],
  ])('says so when %s', (_, spoil, code, message) => {
    const file = writeTiny(scratch.path());
    spoil();
    const error = errorOfManifest(file);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it.each([
    ['format', { format: 2 }],
    ['name', { name: 'a/b' }],
    ['sha256', { sha256: 'ABC' }],
    ['split', { split: undefined }],
    ['latentShape', { latentShape: [4, 0, 4] }],
    ['input.width', { input: { ...tinyManifest(new Uint8Array()).input, width: 0 } }],
    ['input.std', { input: { ...tinyManifest(new Uint8Array()).input, std: 0 } }],
    ['input.std', { input: { ...tinyManifest(new Uint8Array()).input, std: [58, 57, 0] } }],
    ['input.mean', { input: { ...tinyManifest(new Uint8Array()).input, mean: [124, 116] } }],
    ['input.layout', { input: { ...tinyManifest(new Uint8Array()).input, layout: 'NHWC' } }],
  ])('names a wrong %s', (key, changes) => {
    const error = errorOfManifest(writeTiny(scratch.path(), changes));
    expect(error.code).toBe('backbone-invalid');
    expect(error.message).toContain(`at ${key}`);
  });
});
