import { randomBytes } from 'node:crypto';
import { LichenError } from '../errors.js';
import { loadOrCreateKey, Vault } from '../replay/vault.js';
import type { Settings } from '../store/settings.js';

const SALT_KEY = 'label-salt';
const PURPOSE = 'lichen labelling 1';

/** What is kept on the disk of pictures beside the replay memory, sealed with the owner's key as that is. */
export class Sealed {
  private readonly vault: Vault;
  private readonly keyFile: string;

  /** @throws LichenError as `loadOrCreateKey` does */
  constructor(settings: Settings, keyFile: string) {
    const known = settings.get(SALT_KEY);
    const salt = known ?? randomBytes(32).toString('hex');
    if (known === undefined) settings.set(SALT_KEY, salt);
    this.keyFile = keyFile;
    this.vault = new Vault(loadOrCreateKey(keyFile), Buffer.from(salt, 'hex'), PURPOSE);
  }

  /** Seals several parts as one. @param place where they are kept: they open nowhere else */
  seal(place: string, ...parts: readonly Uint8Array[]): Uint8Array {
    const lengths = Buffer.alloc(4 * parts.length);
    parts.forEach((part, i) => {
      lengths.writeUInt32LE(part.length, 4 * i);
    });
    return this.vault.seal(Buffer.concat([Buffer.from([parts.length]), lengths, ...parts]), place);
  }

  /** @throws LichenError `label-wrong-key` where it was sealed with another key, or is damaged */
  open(place: string, sealed: Uint8Array): Buffer[] {
    const opened = this.vault.open(sealed, place);
    if (!opened) {
      throw new LichenError(
        'label-wrong-key',
        `What is kept at '${place}' is damaged, or was sealed with another key than ${this.keyFile}. Put the key back that belongs to the store.`,
      );
    }
    const bytes = Buffer.from(opened);
    const count = bytes[0]!;
    let at = 1 + 4 * count;
    return Array.from({ length: count }, (_, i) => {
      const part = bytes.subarray(at, at + bytes.readUInt32LE(1 + 4 * i));
      at += part.length;
      return part;
    });
  }
}
