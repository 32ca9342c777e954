import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createKeyFiles, loadSigningKey, loadTrustedKey, trustedKeyOf } from '../../src/pack/keys.js';
import { canMount, fill } from '../full-disk.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const failing = (code: string, text = '') =>
  expect.objectContaining({ name: 'LichenError', code, message: expect.stringContaining(text) });

test('a pair of files signs and verifies, and both know the same id', () => {
  const [privateFile, publicFile] = [scratch.path('keys', 'pack.key'), scratch.path('keys', 'pack.pub')];
  const made = createKeyFiles(privateFile, publicFile);
  expect(statSync(privateFile).mode & 0o777).toBe(0o600);
  const signing = loadSigningKey(privateFile);
  const trusted = loadTrustedKey(publicFile);
  expect(signing.id).toMatch(/^[0-9a-f]{16}$/);
  expect([signing.id, trusted.id, trustedKeyOf(signing).id]).toEqual([made.id, made.id, made.id]);
  const text = Buffer.from('text');
  expect(verify(null, text, trusted.publicKey, sign(null, text, signing.privateKey))).toBe(true);

  const before = readFileSync(privateFile);
  expect(() => createKeyFiles(privateFile, publicFile)).toThrow(failing('key-exists', privateFile));
  expect(readFileSync(privateFile).equals(before)).toBe(true);
});

test('the id is the hash of the raw public key', () => {
  // RFC 8032, section 7.1, test 1; the id was computed with sha256sum.
  const file = scratch.path('rfc.pub');
  const raw = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]).toString('base64');
  writeFileSync(file, `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n`);
  expect(loadTrustedKey(file).id).toBe('21fe31dfa154a261');
});

test('a key file that cannot be used is named with the reason', () => {
  const [privateFile, publicFile] = [scratch.path('pack.key'), scratch.path('pack.pub')];
  createKeyFiles(privateFile, publicFile);
  expect(() => loadTrustedKey(privateFile)).toThrow(failing('key-is-private', privateFile));
  expect(() => loadSigningKey(scratch.path('none'))).toThrow(failing('key-unreadable', 'none'));
  chmodSync(privateFile, 0o640);
  expect(() => loadSigningKey(privateFile)).toThrow(failing('key-exposed', 'chmod 600'));
  chmodSync(publicFile, 0o600);
  expect(() => loadSigningKey(publicFile)).toThrow(failing('key-invalid', publicFile));

  const other = scratch.path('other.pem');
  writeFileSync(other, 'hello', { mode: 0o600 });
  expect(() => loadTrustedKey(other)).toThrow(failing('key-invalid', other));
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(other, publicKey.export({ format: 'pem', type: 'spki' }));
  expect(() => loadTrustedKey(other)).toThrow(failing('key-invalid', 'a key for ec'));
  writeFileSync(other, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  expect(() => loadSigningKey(other)).toThrow(failing('key-invalid', 'a key for ec'));
  expect(() => createKeyFiles(scratch.path('other.pem', 'x'), scratch.path('new.pub'))).toThrow(
    failing('key-unwritable'),
  );
});

test.skipIf(!canMount())(
  'on a full disk no half of a pair is left, and a pair is made when there is room',
  () => {
    const folder = scratch.path('full');
    mkdirSync(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', folder]);
    try {
      const files = [join(folder, 'pack.key'), join(folder, 'pack.pub')] as const;
      fill(join(folder, 'ballast'));
      expect(() => createKeyFiles(...files)).toThrow(failing('key-unwritable', files[0]));
      expect(readdirSync(folder)).toEqual(['ballast']);
      // Room for one of the two: a page of the file system.
      truncateSync(join(folder, 'ballast'), statSync(join(folder, 'ballast')).size - 4096);
      expect(() => createKeyFiles(...files)).toThrow(failing('key-unwritable', files[1]));
      expect(readdirSync(folder)).toEqual(['ballast']);
      rmSync(join(folder, 'ballast'));
      const { id } = createKeyFiles(...files);
      expect([loadSigningKey(files[0]).id, loadTrustedKey(files[1]).id]).toEqual([id, id]);
    } finally {
      execFileSync('umount', [folder]);
    }
  },
);
