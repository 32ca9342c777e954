import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { LichenError, messageOf } from '../errors.js';

/** Signs packs. */
export interface SigningKey {
  id: string;
  privateKey: KeyObject;
}

/** Verifies packs. */
export interface TrustedKey {
  /** The first 16 hex characters of the SHA-256 of the raw public key (32 bytes). */
  id: string;
  publicKey: KeyObject;
}

/** A new Ed25519 key pair. */
export function generateKeys(): { signing: SigningKey; trusted: TrustedKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const id = keyId(publicKey);
  return { signing: { id, privateKey }, trusted: { id, publicKey } };
}

/** A key's id: the first 16 hex characters of the SHA-256 of the raw public key. */
export function keyId(publicKey: KeyObject): string {
  const { x } = publicKey.export({ format: 'jwk' });
  return createHash('sha256').update(Buffer.from(x!, 'base64url')).digest('hex').slice(0, 16);
}

/** The public half of a signing key. */
export function trustedKeyOf({ id, privateKey }: SigningKey): TrustedKey {
  return { id, publicKey: createPublicKey(privateKey) };
}

/**
 * Writes a new key pair as PEM: the private file for its owner's eyes only, the public one to hand out. Existing
 * files are never replaced.
 * @throws LichenError `key-exists`, `key-unwritable`
 */
export function createKeyFiles(privateFile: string, publicFile: string): SigningKey {
  for (const file of [privateFile, publicFile]) if (existsSync(file)) throw exists(file);
  const { signing, trusted } = generateKeys();
  writeNew(privateFile, signing.privateKey.export({ format: 'pem', type: 'pkcs8' }), 0o600);
  try {
    writeNew(publicFile, trusted.publicKey.export({ format: 'pem', type: 'spki' }), 0o644);
  } catch (error) {
    // Half a pair would keep the next one from being made.
    rmSync(privateFile, { force: true });
    throw error;
  }
  return signing;
}

/**
 * Reads a private key.
 * @throws LichenError `key-unreadable`, `key-invalid`, `key-exposed` (others than its owner may read it)
 */
export function loadSigningKey(file: string): SigningKey {
  const pem = readPem(file);
  // Windows has no such mode bits.
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new LichenError(
      'key-exposed',
      `The private key ${file} may be read by others than its owner. Run 'chmod 600 ${file}'.`,
    );
  }
  const privateKey = parse(file, 'private', () => createPrivateKey(pem));
  return { id: keyId(createPublicKey(privateKey)), privateKey };
}

/**
 * Reads a public key.
 * @throws LichenError `key-unreadable`, `key-invalid`, `key-is-private`
 */
export function loadTrustedKey(file: string): TrustedKey {
  const pem = readPem(file);
  // Node would quietly derive the public key, and the private one would lie on every device.
  if (pem.includes('PRIVATE KEY')) {
    throw new LichenError(
      'key-is-private',
      `${file} is a private key. Devices need the public one only; keep the private one where packs are signed.`,
    );
  }
  const publicKey = parse(file, 'public', () => createPublicKey(pem));
  return { id: keyId(publicKey), publicKey };
}

function parse(file: string, kind: 'private' | 'public', read: () => KeyObject): KeyObject {
  const invalid = (why: string, cause?: unknown) =>
    new LichenError(
      'key-invalid',
      `${file} is no ${kind} Ed25519 key in PEM form: ${why}. 'lichen pack --help' says how to make a pair.`,
      { cause },
    );
  let key: KeyObject;
  try {
    key = read();
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw invalid(`it is a key for ${key.asymmetricKeyType}`);
  return key;
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new LichenError('key-unreadable', `The key ${file} cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

function writeNew(file: string, pem: string | Buffer, mode: number): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const fd = openSync(file, 'wx', mode);
    try {
      writeFileSync(fd, pem);
      fsyncSync(fd);
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new LichenError('key-unwritable', `The key ${file} cannot be written: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

function exists(file: string): LichenError {
  return new LichenError(
    'key-exists',
    `There is a file ${file} already; a key is never replaced. Choose another name.`,
  );
}
