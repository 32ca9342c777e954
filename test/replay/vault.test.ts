import { chmodSync, existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadOrCreateKey, Vault } from '../../src/replay/vault.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const vault = new Vault(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2));
const record = Buffer.from('a latent of somebody who did not ask to be kept');

test('a record opens in its place, under its key, in its file, and nowhere else', () => {
  const sealed = vault.seal(record, 'slot 1');
  expect(sealed.length).toBe(record.length + 28);
  expect(Buffer.from(sealed).includes(record.subarray(0, 8))).toBe(false);
  expect(Buffer.from(vault.open(sealed, 'slot 1')!).equals(record)).toBe(true);
  expect(vault.open(sealed, 'slot 2')).toBeUndefined();
  const otherFile = new Vault(new Uint8Array(32).fill(1), new Uint8Array(32).fill(3));
  const otherKey = new Vault(new Uint8Array(32).fill(4), new Uint8Array(32).fill(2));
  expect(otherFile.open(sealed, 'slot 1')).toBeUndefined();
  expect(otherKey.open(sealed, 'slot 1')).toBeUndefined();
});

test('no single flipped bit goes unnoticed', () => {
  const sealed = vault.seal(record, 'slot 1');
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const damaged = Uint8Array.from(sealed);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(vault.open(damaged, 'slot 1')).toBeUndefined();
  }
});

test('the same record is sealed with another nonce each time', () => {
  const nonces = new Set<string>();
  for (let i = 0; i < 20_000; i++)
    nonces.add(Buffer.from(vault.seal(record, 's').subarray(0, 12)).toString('hex'));
  expect(nonces.size).toBe(20_000);
});

test('a key is created once, whole, for its owner only', () => {
  const file = scratch.path('store', 'replay.key');
  const key = loadOrCreateKey(file);
  expect(key.length).toBe(32);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(Buffer.from(loadOrCreateKey(file)).equals(key)).toBe(true);
  expect(readdirSync(scratch.path('store'))).toEqual(['replay.key']);
  expect(Buffer.from(loadOrCreateKey(scratch.path('other.key'))).equals(key)).toBe(false);
});

test('a key that others may read, or that is cut short, is refused and stays as it is', () => {
  const file = scratch.path('replay.key');
  loadOrCreateKey(file);
  chmodSync(file, 0o644);
  expect(() => loadOrCreateKey(file)).toThrow(
    expect.objectContaining({
      code: 'vault-key-exposed',
      message: expect.stringContaining(`chmod 600 ${file}`),
    }),
  );
  chmodSync(file, 0o600);
  truncateSync(file, 31);
  const left = readFileSync(file);
  expect(() => loadOrCreateKey(file)).toThrow(
    expect.objectContaining({ code: 'vault-key-invalid', message: expect.stringContaining('31 bytes') }),
  );
  expect(readFileSync(file).equals(left)).toBe(true);
  expect(() => loadOrCreateKey(scratch.path('replay.key', 'sub'))).toThrow(
    expect.objectContaining({ code: 'vault-key-unreadable' }),
  );
  expect(existsSync(file)).toBe(true);
});
