import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomFillSync } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { LichenError, messageOf } from '../errors.js';
import { SEAL_BYTES } from './layout.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals and opens records with AES-256-GCM. A record is bound to its place: sealed for one place of one
 * file, it does not open as another.
 *
 * The key is derived for each file from the owner's key and the file's random id. A nonce is 96 random bits
 * for each record sealed: after 10^9 records under one key the odds that two were ever equal are below
 * 10^-11. A counter would do without odds, but repeats itself once a folder is restored from a backup.
 */
export class Vault {
  private readonly key: Uint8Array;

  /** @param key 32 bytes; @param fileId random bytes that no other file has; @param purpose what is sealed */
  constructor(key: Uint8Array, fileId: Uint8Array, purpose = 'lichen replay memory 1') {
    this.key = new Uint8Array(hkdfSync('sha256', key, fileId, purpose, KEY_BYTES));
  }

  /** Seals a record: nonce, ciphertext of the same length, tag. */
  seal(record: Uint8Array, place: string): Uint8Array {
    const sealed = Buffer.alloc(record.length + SEAL_BYTES);
    const nonce = randomFillSync(sealed, 0, NONCE_BYTES).subarray(0, NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(place));
    sealed.set(cipher.update(record), NONCE_BYTES);
    cipher.final();
    sealed.set(cipher.getAuthTag(), NONCE_BYTES + record.length);
    return sealed;
  }

  /** Opens a sealed record; undefined when it is torn, damaged, from another place or under another key. */
  open(sealed: Uint8Array, place: string): Uint8Array | undefined {
    const tagAt = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', this.key, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(place))
      .setAuthTag(sealed.subarray(tagAt));
    const record = decipher.update(sealed.subarray(NONCE_BYTES, tagAt));
    try {
      decipher.final();
      return record;
    } catch {
      return undefined;
    }
  }
}

/**
 * Reads the owner's key from a file; creates the file, for the owner's eyes only, where it is missing.
 *
 * @returns 32 bytes
 * @throws LichenError `vault-key-exposed` (others may read it), `vault-key-invalid`, `vault-key-unreadable`
 */
export function loadOrCreateKey(file: string): Uint8Array {
  try {
    if (statSync(file, { throwIfNoEntry: false }) === undefined) createKey(file);
    // Windows has no such mode bits.
    if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
      throw new LichenError(
        'vault-key-exposed',
        `The key ${file} may be read by others than its owner. Run 'chmod 600 ${file}'.`,
      );
    }
    const key = readFileSync(file);
    if (key.length === KEY_BYTES) return key;
    throw new LichenError(
      'vault-key-invalid',
      `The key ${file} has ${key.length} bytes, ${KEY_BYTES} were expected. Restore it from a backup; without it the replay memory cannot be read.`,
    );
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw new LichenError(
      'vault-key-unreadable',
      `The key ${file} cannot be read or created: ${messageOf(error)}. Check the rights of the file and its folder.`,
      { cause: error },
    );
  }
}

/** Writes a new key under its final name at once, whole, or not at all; a key that came first stays. */
function createKey(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.new`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    writeSync(fd, randomBytes(KEY_BYTES));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(dirname(file));
}

/** Makes a new name in a folder survive a power failure. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
