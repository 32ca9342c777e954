import { join } from 'node:path';
import type { Logger } from 'pino';
import { LichenError, messageOf } from '../errors.js';
import type { TellChange, TellEvent } from '../link/event-data.js';
import type { OfferStatus } from '../link/schemas.js';
import { loadTrustedKey, type TrustedKey } from '../pack/keys.js';
import type { AgentConfig } from './config.js';
import { type Installed, installPack, openAcceptable } from './install.js';
import { Offers } from './offers.js';
import type { Rooms } from './open-rooms.js';

/** Whom is told what became of a pack. */
export interface PacksTold {
  /** An event for whoever listens. */
  report: TellEvent;
  /** What a task runs from now on. */
  runs: TellChange;
  /** What waits for the owner is another than before. */
  offersChanged(): void;
}

/** Packs that come to the device: installed at once, or kept until the owner says so, as the settings have it. */
export class Packs {
  private readonly rooms: Rooms;
  private readonly told: PacksTold;
  private readonly trusted: readonly TrustedKey[];
  private readonly asks: boolean;
  private readonly kept: Offers;

  /** @throws LichenError where a trusted key cannot be read */
  constructor(
    { packs, store: folder }: Pick<AgentConfig, 'packs' | 'store'>,
    rooms: Rooms,
    told: PacksTold,
    log: Logger,
  ) {
    const { backbone, store } = rooms;
    this.rooms = rooms;
    this.told = told;
    this.asks = packs.install === 'ask';
    this.trusted = packs.trustedKeys.map(loadTrustedKey);
    const check = (bytes: Uint8Array) => openAcceptable(backbone, store, this.trusted, bytes).manifest;
    this.kept = new Offers(join(folder, 'offers'), check, log);
  }

  /** What waits for the owner; undefined where the settings let nothing wait. */
  offers(): OfferStatus[] | undefined {
    return this.asks ? this.kept.list() : undefined;
  }

  /**
   * Takes a pack: installs it, or keeps it.
   * @throws LichenError as `installPack` and `Offers.keep`
   */
  async receive(bytes: Uint8Array): Promise<Installed | OfferStatus> {
    if (!this.asks) return this.install(bytes);
    return this.refusing(async () => {
      const offer = this.kept.keep(bytes);
      const { task, version } = offer;
      const message = `version ${version} of '${task}' was sent and waits until its owner installs it`;
      this.told.report('pack-offered', 'info', message, { task, version });
      this.told.offersChanged();
      return offer;
    });
  }

  /**
   * Installs the pack that waits for a task.
   * @throws LichenError `offer-unknown`, `offer-busy`, and as `installPack`
   */
  async installOffered(task: string): Promise<Installed> {
    try {
      return await this.kept.install(task, (bytes) => {
        this.told.offersChanged();
        return this.install(bytes);
      });
    } finally {
      this.told.offersChanged();
    }
  }

  /** Drops what waits and may not be installed any more. */
  reconsider(): void {
    this.kept.reconsider();
  }

  private install(bytes: Uint8Array): Promise<Installed> {
    return this.refusing(async () => {
      const { engine, backbone, store, memory, discriminants } = this.rooms;
      discriminants.save();
      const installed = await installPack(engine, backbone, store, memory, this.trusted, bytes);
      const { task, version, promoted, reason, accuracy } = installed;
      await this.told.runs(
        task,
        promoted ? 'pack-installed' : 'pack-kept',
        `version ${version.number} of '${task}': ${reason}`,
        { version: version.number, accuracy },
      );
      return installed;
    });
  }

  /** Tells of a pack that is refused. */
  private async refusing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = error instanceof LichenError ? error.code : 'defect';
      const reason = messageOf(error);
      this.told.report('pack-refused', 'warning', reason, { code, reason });
      throw error;
    }
  }
}
