import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { LichenError, messageOf } from '../errors.js';
import type { OfferStatus } from '../link/schemas.js';
import type { PackManifest } from '../pack/manifest.js';

/** One pack a task; more tasks than a device has are a mistake. */
const MOST = 32;
const SUFFIX = '.pack';

/**
 * Packs that were sent to the device and wait for its owner, one a task, as files in the store's folder. Each is verified
 * before it is shown, again at every start, and once more when it is installed.
 */
export class Offers {
  private readonly folder: string;
  private readonly check: (bytes: Uint8Array) => PackManifest;
  private readonly log: Logger;
  private readonly offers = new Map<string, OfferStatus>();

  /**
   * @param folder where they lie; made when there is one
   * @param check verifies a pack for this device as it is now. @throws LichenError with the reason
   */
  constructor(folder: string, check: (bytes: Uint8Array) => PackManifest, log: Logger) {
    this.folder = folder;
    this.check = check;
    this.log = log;
    this.reconsider(this.files());
  }

  list(): OfferStatus[] {
    return [...this.offers.values()].map((offer) => ({ ...offer }));
  }

  /**
   * Keeps a pack until the owner decides. It takes the place of another one for the same task.
   * @throws LichenError as `check`, and `offers-full`
   */
  keep(bytes: Uint8Array): OfferStatus {
    const offer = statusOf(this.check(bytes), bytes, Date.now());
    const { task } = offer;
    if (!this.offers.has(task) && this.offers.size >= MOST) {
      throw new LichenError(
        'offers-full',
        `${MOST} packs wait for this device's owner already; the pack of task '${task}' was not kept. Install some, or send one for a task that waits.`,
      );
    }
    this.write(task, bytes);
    this.offers.set(task, offer);
    return { ...offer };
  }

  /**
   * The offered pack of a task, to be installed by `work`. It is an offer no more once that is done; where it fails, it
   * stays one.
   * @throws LichenError `offer-unknown`, `offer-busy`, and as `work` does
   */
  async install<T>(task: string, work: (bytes: Uint8Array) => Promise<T>): Promise<T> {
    const offer = this.offers.get(task);
    if (!offer) {
      const known = [...this.offers.keys()].join(', ') || 'none';
      throw new LichenError('offer-unknown', `no pack of task '${task}' waits here; those that do: ${known}`);
    }
    if (offer.installing) {
      throw new LichenError('offer-busy', `the pack of task '${task}' is being installed already`);
    }
    offer.installing = true;
    try {
      const result = await work(readFileSync(this.fileOf(task)));
      this.drop(task);
      return result;
    } finally {
      offer.installing = false;
    }
  }

  /** Drops what may not be installed any more, as when the task runs a newer version by now. */
  reconsider(tasks: readonly string[] = [...this.offers.keys()]): void {
    for (const task of tasks) {
      if (this.offers.get(task)?.installing) continue;
      try {
        const bytes = readFileSync(this.fileOf(task));
        const at = Date.parse(this.offers.get(task)?.offeredAt ?? '') || Date.now();
        const offer = statusOf(this.check(bytes), bytes, at);
        if (offer.task !== task) throw new LichenError('pack-malformed', `it is of task '${offer.task}'`);
        this.offers.set(task, offer);
      } catch (error) {
        this.log.warn({ task, error: messageOf(error) }, 'offered pack dropped');
        this.drop(task);
      }
    }
  }

  private drop(task: string): void {
    this.offers.delete(task);
    rmSync(this.fileOf(task), { force: true });
  }

  /** Whole or not at all, whenever the power fails. */
  private write(task: string, bytes: Uint8Array): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const draft = `${this.fileOf(task)}.new`;
    const file = openSync(draft, 'w', 0o600);
    try {
      // Unlike writeSync it goes on, or fails, where the disk takes only a part.
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, this.fileOf(task));
  }

  private files(): string[] {
    try {
      const names = readdirSync(this.folder);
      return names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
    } catch {
      return [];
    }
  }

  private fileOf(task: string): string {
    return join(this.folder, `${task}${SUFFIX}`);
  }
}

function statusOf(
  { task, version, adapter, metrics }: PackManifest,
  bytes: Uint8Array,
  at: number,
): OfferStatus {
  const accuracy = metrics.heldOutAccuracy;
  return {
    task,
    version,
    sha256: adapter.sha256,
    bytes: bytes.length,
    accuracy: accuracy !== undefined && accuracy >= 0 && accuracy <= 1 ? accuracy : null,
    offeredAt: new Date(at).toISOString(),
    installing: false,
  };
}
