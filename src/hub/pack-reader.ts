import { createHash } from 'node:crypto';
import { LichenError, messageOf } from '../errors.js';
import { loadTrustedKey, type TrustedKey } from '../pack/keys.js';
import { decodeManifest, type PackManifest } from '../pack/manifest.js';
import { openPack } from '../pack/pack.js';

/** Where a pack's signed head holds the lengths of what follows it; see docs/pack-format.md. */
const HEAD_BYTES = 28;
const MANIFEST_LENGTH_AT = 20;
const SIGNATURE_BYTES = 64;

export interface ReadPack {
  manifest: PackManifest;
  /** Whether a key that this hub trusts has signed it. */
  verified: boolean;
}

/** Reads packs for the hub, which passes them on: whoever installs one verifies it again. */
export class PackReader {
  private readonly keys: readonly TrustedKey[];

  /** @throws LichenError `key-unreadable`, `key-invalid`, `key-is-private`. */
  constructor(keyFiles: readonly string[]) {
    this.keys = keyFiles.map(loadTrustedKey);
  }

  /**
   * The pack's manifest. With trusted keys, signature and hashes are verified; without any, only the form and the
   * hash of the adapter are, and devices decide on the signature.
   * @throws LichenError `pack-malformed`, `pack-unsupported`, `pack-untrusted`, `pack-tampered`.
   */
  read(bytes: Uint8Array): ReadPack {
    if (this.keys.length > 0) return { manifest: openPack(bytes, this.keys).manifest, verified: true };
    try {
      openPack(bytes, []);
    } catch (error) {
      // Its form is checked before its signer is looked up; that no key is trusted here is known.
      if (!(error instanceof LichenError && error.code === 'pack-untrusted')) throw error;
    }
    return { manifest: unverifiedManifest(Buffer.from(bytes)), verified: false };
  }
}

function unverifiedManifest(pack: Buffer): PackManifest {
  const end = HEAD_BYTES + pack.readUInt32LE(MANIFEST_LENGTH_AT);
  let manifest: PackManifest;
  try {
    manifest = decodeManifest(pack.subarray(HEAD_BYTES, end));
  } catch (cause) {
    throw new LichenError('pack-malformed', `This is no whole pack: ${messageOf(cause)}. Make it anew.`, {
      cause,
    });
  }
  const adapter = pack.subarray(end, pack.length - SIGNATURE_BYTES);
  if (createHash('sha256').update(adapter).digest('hex') !== manifest.adapter.sha256) {
    throw new LichenError(
      'pack-tampered',
      'The adapter in the pack is not the one that its manifest describes.',
    );
  }
  return manifest;
}
