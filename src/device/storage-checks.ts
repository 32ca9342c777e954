import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { loadManifest } from '../backbone/manifest.js';
import { messageOf } from '../errors.js';
import { loadTrustedKey } from '../pack/keys.js';
import type { Check } from './check.js';

/** Backbone, and keys that packs are trusted by, as the settings name them. */
export function fileChecks(manifest: string, trustedKeys: readonly string[]): Check[] {
  return [backbone(manifest), ...trustedKeys.map(trustedKey)];
}

function backbone(manifest: string): Check {
  const name = 'backbone';
  try {
    const { manifest: m, bytes, sha256, modelFile } = loadManifest(manifest);
    const sha = sha256.slice(0, 12);
    return { name, status: 'ok', found: `${m.name}, ${mib(bytes)}, sha256 ${sha}… (${modelFile})` };
  } catch (error) {
    return {
      name,
      status: 'missing',
      found: messageOf(error),
      howToGet: 'copy the folder models/ again from the release or the repository',
    };
  }
}

function trustedKey(file: string): Check {
  const name = 'trusted key';
  try {
    return { name, status: 'ok', found: `${loadTrustedKey(file).id} (${file})` };
  } catch (error) {
    return {
      name,
      status: 'missing',
      found: messageOf(error),
      howToGet:
        "copy the .pub file that 'lichen pack' made beside the private key, or correct packs.trustedKeys",
    };
  }
}

/**
 * The disk that the store is on, and whether this user may write there.
 * @param needBytes free bytes that the agent needs there
 */
export function storeCheck(store: string, needBytes: number): Check {
  const name = 'store';
  const folder = resolve(store);
  const there = nearest(folder);
  const { bavail, bsize, type } = statfsSync(there);
  const free = bavail * bsize;
  const found = `${mib(free)} free for ${folder}${there === folder ? '' : ', which is made at the first start'}`;
  const needed = `${mib(needBytes)} for replay memory, outbox and guard`;
  if (free < needBytes) {
    const howToGet =
      'free disk space (sudo apt-get clean; sudo journalctl --vacuum-size=50M), or move the store';
    return { name, status: 'missing', found, needed, howToGet };
  }
  if (type === TMPFS) {
    const howToGet = 'move the store to a disk (store: in the settings)';
    return {
      name,
      status: 'warning',
      found: `${found}; in memory, lost at a restart (tmpfs)`,
      needed,
      howToGet,
    };
  }
  if (!writable(there)) {
    const user = userInfo().username;
    const howToGet = `run doctor as the user of the service: sudo -u lichen lichen doctor; or sudo chown -R lichen ${there}`;
    return { name, status: 'warning', found: `${found}; not writable for ${user}`, needed, howToGet };
  }
  return { name, status: 'ok', found, needed };
}

/** TMPFS_MAGIC of Linux. */
const TMPFS = 0x01021994;

/** The folder itself, or the nearest one above it that exists. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const mib = (n: number) => `${Math.round(n / 2 ** 20)} MiB`;
