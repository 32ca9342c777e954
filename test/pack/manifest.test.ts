import { expect, test } from 'vitest';
import { checkManifest, decodeManifest, encodeManifest, type PackManifest } from '../../src/pack/manifest.js';
import { content } from './fixture.js';

const manifest: PackManifest = {
  ...content,
  format: 1,
  adapter: { sha256: '12'.repeat(32), bytes: 5_000 },
  signer: '0123456789abcdef',
};

test('a manifest has one encoding, whatever the order of its fields', () => {
  const reversed = Object.fromEntries(Object.entries(manifest).reverse()) as PackManifest;
  const bytes = encodeManifest(manifest);
  expect(Buffer.from(encodeManifest(reversed)).equals(bytes)).toBe(true);
  expect(decodeManifest(bytes)).toEqual(manifest);
});

test('any other spelling of the same manifest is refused', () => {
  const text = Buffer.from(encodeManifest(manifest)).toString();
  for (const other of [
    ` ${text}`,
    text.replace('"version":3', '"version":3.0'),
    text.replace('"version":3', '"version":2,"version":3'),
    text.replace('"tops"', '"t\\u006fps"'),
    JSON.stringify(manifest),
  ]) {
    expect(() => decodeManifest(Buffer.from(other)), other).toThrow('canonical form');
  }
  expect(() => decodeManifest(Buffer.concat([Buffer.from([0xff]), Buffer.from(text)]))).toThrow();
});

test.each<[string, unknown]>([
  ['format', { ...manifest, format: 2 }],
  ['task', { ...manifest, task: 'a/b' }],
  ['classes', { ...manifest, classes: [] }],
  ['twice', { ...manifest, classes: ['a', 'a'] }],
  ['isolation', { ...manifest, isolation: 'dense' }],
  ['backbone.sha256', { ...manifest, backbone: { ...manifest.backbone, sha256: 'AB'.repeat(32) } }],
  ['version', { ...manifest, version: 0 }],
  ['version', { ...manifest, version: 1.5 }],
  ['requires.0.version', { ...manifest, requires: [{ task: 'a', version: 0, sha256: 'ab'.repeat(32) }] }],
  ['adapter.bytes', { ...manifest, adapter: { ...manifest.adapter, bytes: -1 } }],
  ['metrics.heldOutAccuracy', { ...manifest, metrics: { heldOutAccuracy: '0.9' } }],
  ['digest', { ...manifest, digest: undefined }],
  ['createdAt', { ...manifest, createdAt: 'yesterday' }],
  ['signer', { ...manifest, signer: 'me' }],
  ['extra', { ...manifest, extra: 1 }],
  ['manifest', null],
])('a manifest with a wrong %s is refused by that name', (field, value) => {
  expect(() => checkManifest(value)).toThrow(field);
});
