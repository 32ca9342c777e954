import { randomUUID } from 'node:crypto';
import { LichenError } from '../errors.js';
import type { HubConfig } from './config.js';
import type { InstallLog } from './install-log.js';
import type { Packs } from './packs.js';
import type { Requests } from './requests.js';
import type { InstallView } from './views.js';

interface InstallsOptions {
  packs: Packs;
  requests: Requests;
  log: InstallLog;
  config: HubConfig['install'];
}

/** Sends packs to devices, a bounded number of times each. */
export class Installs {
  private readonly options: InstallsOptions;
  /** Attempts whose answer somebody waits for. */
  private readonly waiting = new Set<number>();

  constructor(options: InstallsOptions) {
    this.options = options;
  }

  /**
   * Sends a pack to a device once and waits for its answer.
   * @throws LichenError `pack-unknown`, `device-unknown`, `device-offline`, `install-running`,
   *   `install-attempts-used`, `device-refused`, `request-timeout` (a later answer is still recorded), and `store-full`
   *   where the attempt cannot be noted: then nothing is sent.
   */
  async send(packId: string, device: string): Promise<InstallView> {
    const { packs, requests, log, config } = this.options;
    const { id: pack } = packs.find(packId);
    requests.requireOnline(device);
    log.giveUpBut([...this.waiting]);
    this.requireAttempt(pack, device);
    const transaction = randomUUID();
    const id = log.begin(pack, device, transaction, Date.now());
    this.waiting.add(id);
    try {
      const body = { pack: packs.content(pack).toString('base64') };
      const answer = await requests.send(device, 'install', body, config.timeoutSeconds * 1000, transaction);
      if (answer.status === 'ok') return log.one(id)!;
      throw new LichenError('device-refused', `${device} refused the pack: ${answer.error.message}`);
    } finally {
      this.waiting.delete(id);
      this.giveUp(id);
    }
  }

  /** An answer has been recorded when it was taken; this is for those that did not come. */
  private giveUp(id: number): void {
    try {
      this.options.log.giveUp(id);
    } catch (error) {
      // On a full disk it is noted before the next attempt, and here what came of this one is told.
      if (!(error instanceof LichenError)) throw error;
    }
  }

  private requireAttempt(pack: string, device: string): void {
    const { log, config } = this.options;
    const attempts = log.attempts(pack, device);
    if (attempts.includes('sent')) {
      throw new LichenError('install-running', `${device} was sent this pack and has not answered yet.`);
    }
    if (attempts.length >= config.attempts) {
      throw new LichenError(
        'install-attempts-used',
        `This pack was sent to ${device} ${attempts.length} times, the most that install.attempts allows. Find out why it fails there, then make a new pack.`,
      );
    }
  }
}
