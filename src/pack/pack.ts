import { createHash, sign, verify } from 'node:crypto';
import { LichenError, messageOf } from '../errors.js';
import type { SigningKey, TrustedKey } from './keys.js';
import { checkManifest, decodeManifest, encodeManifest, PACK_FORMAT, type PackManifest } from './manifest.js';

/** Signed before the pack's own bytes, so that a signature made for anything else is none for a pack. */
const DOMAIN = Buffer.from('lichen pack signature, format 1\0');
const MAGIC = Buffer.from('LICHENPK');
const SIGNATURE_BYTES = 64;
/** Magic 8, format 4, key id 8, manifest's length 4, adapter's length 4. */
const HEAD_BYTES = 28;

export const MAX_MANIFEST_BYTES = 256 * 1024;
export const MAX_ADAPTER_BYTES = 64 * 2 ** 20;
/** A longer file is no pack and need not be read. */
export const MAX_PACK_BYTES = HEAD_BYTES + MAX_MANIFEST_BYTES + MAX_ADAPTER_BYTES + SIGNATURE_BYTES;

/** What the caller says of a pack; format, hash, length and signer are filled in. */
export type PackContent = Omit<PackManifest, 'format' | 'adapter' | 'signer'>;

/** A pack whose signature and hashes are verified. */
export interface OpenedPack {
  manifest: PackManifest;
  /** A view into the pack's bytes. */
  adapter: Uint8Array;
}

/**
 * Makes a signed pack; docs/pack-format.md describes its bytes. The same content and key give the same bytes.
 * @throws LichenError `pack-invalid` when the content is not as the manifest's schema wants it
 */
export function createPack(content: PackContent, adapter: Uint8Array, key: SigningKey): Uint8Array {
  const manifest = encodeManifest(completed(content, adapter, key));
  if (manifest.length > MAX_MANIFEST_BYTES || adapter.length > MAX_ADAPTER_BYTES) {
    throw new LichenError(
      'pack-invalid',
      `The pack of task '${content.task}' is too large: its manifest has ${manifest.length} of at most ${MAX_MANIFEST_BYTES} bytes, its adapter ${adapter.length} of at most ${MAX_ADAPTER_BYTES}.`,
    );
  }
  const head = Buffer.alloc(HEAD_BYTES);
  head.set(MAGIC);
  head.writeUInt32LE(PACK_FORMAT, 8);
  head.write(key.id, 12, 'hex');
  head.writeUInt32LE(manifest.length, 20);
  head.writeUInt32LE(adapter.length, 24);
  const body = Buffer.concat([head, manifest, adapter]);
  return Buffer.concat([body, sign(null, Buffer.concat([DOMAIN, body]), key.privateKey)]);
}

/**
 * Verifies a pack and takes it apart. Nothing in it is interpreted before its signature is verified, but
 * the format, the key id and the lengths.
 *
 * @throws LichenError `pack-malformed`, `pack-unsupported` (a newer format), `pack-untrusted` (no trusted key has
 *   the signer's id), `pack-tampered` (signature or hash do not fit)
 */
export function openPack(bytes: Uint8Array, trustedKeys: readonly TrustedKey[]): OpenedPack {
  const pack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { signer, manifestEnd, adapterEnd } = readHead(pack);
  const candidates = trustedKeys.filter(({ id }) => id === signer);
  if (candidates.length === 0) {
    throw new LichenError(
      'pack-untrusted',
      `The pack is signed by the key ${signer}, which is not trusted here. Trusted are: ${trustedKeys.map(({ id }) => id).join(', ') || 'none'}. Add the signer's public key if you trust it.`,
    );
  }
  const signed = Buffer.concat([DOMAIN, pack.subarray(0, adapterEnd)]);
  const signature = pack.subarray(adapterEnd);
  if (!candidates.some(({ publicKey }) => verify(null, signed, publicKey, signature))) {
    throw tampered(`the signature of the key ${signer} does not fit its bytes`);
  }
  const adapter = pack.subarray(manifestEnd, adapterEnd);
  const manifest = readManifest(pack.subarray(HEAD_BYTES, manifestEnd));
  if (manifest.signer !== signer)
    throw tampered(`its manifest names the signer ${manifest.signer}, not ${signer}`);
  if (manifest.adapter.bytes !== adapter.length || manifest.adapter.sha256 !== sha256(adapter)) {
    throw tampered('its adapter is not the one that its manifest describes');
  }
  return { manifest, adapter };
}

function completed(content: PackContent, adapter: Uint8Array, key: SigningKey): PackManifest {
  try {
    return checkManifest({
      ...content,
      format: PACK_FORMAT,
      adapter: { sha256: sha256(adapter), bytes: adapter.length },
      signer: key.id,
    });
  } catch (error) {
    throw new LichenError(
      'pack-invalid',
      `No pack of task '${content.task}' can be made: ${messageOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

function readHead(pack: Buffer): { signer: string; manifestEnd: number; adapterEnd: number } {
  if (pack.length < HEAD_BYTES || !pack.subarray(0, 8).equals(MAGIC))
    throw malformed('it does not begin as a pack does');
  const format = pack.readUInt32LE(8);
  if (format > PACK_FORMAT) {
    throw new LichenError(
      'pack-unsupported',
      `The pack has format ${format}, this program reads format ${PACK_FORMAT}. Update Lichen on this device.`,
    );
  }
  if (format !== PACK_FORMAT) throw malformed(`there is no format ${format}`);
  const manifestBytes = pack.readUInt32LE(20);
  const adapterBytes = pack.readUInt32LE(24);
  if (manifestBytes > MAX_MANIFEST_BYTES || adapterBytes > MAX_ADAPTER_BYTES) {
    throw malformed(
      `it announces a manifest of ${manifestBytes} and an adapter of ${adapterBytes} bytes, which is too much`,
    );
  }
  const manifestEnd = HEAD_BYTES + manifestBytes;
  const adapterEnd = manifestEnd + adapterBytes;
  if (pack.length !== adapterEnd + SIGNATURE_BYTES) {
    throw malformed(`it has ${pack.length} bytes, but announces ${adapterEnd + SIGNATURE_BYTES}`);
  }
  return { signer: pack.toString('hex', 12, 20), manifestEnd, adapterEnd };
}

/** Reads a manifest that is signed already: what is wrong now was wrong when it was signed. */
function readManifest(bytes: Uint8Array): PackManifest {
  try {
    return decodeManifest(bytes);
  } catch (error) {
    throw malformed(messageOf(error), error);
  }
}

function malformed(why: string, cause?: unknown): LichenError {
  return new LichenError(
    'pack-malformed',
    `This is no whole pack: ${why}. Fetch it again, or make it anew.`,
    { cause },
  );
}

function tampered(why: string): LichenError {
  return new LichenError(
    'pack-tampered',
    `The pack was changed after it was signed: ${why}. It was refused.`,
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
