import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LichenError, messageOf } from '../errors.js';

/** The fewest characters of a password. */
export const SHORTEST = 8;
const LONGEST = 200;

/** Cost of a guess: 32 MiB of memory, three passes (OWASP's password storage cheat sheet, scrypt). */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const KEY_BYTES = 32;

/** Where a store keeps the hash of its page's password. */
export const passwordFileOf = (store: string): string => join(store, 'page-password');

/**
 * The password of the device's page, as a salted scrypt hash in a file of its own, so that it can be set beside a running
 * agent.
 */
export class Passwords {
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Whether one was set, be it that its file cannot be read: then nobody may set another one through the page. */
  get isSet(): boolean {
    return existsSync(this.file);
  }

  /** Another one for every password that is set; undefined while there is none that can be read. */
  get stamp(): string | undefined {
    try {
      return this.stored().salt.toString('hex');
    } catch {
      return undefined;
    }
  }

  /** @throws LichenError `password-invalid`, `password-not-kept` */
  async set(password: string): Promise<void> {
    if (password.length < SHORTEST || password.length > LONGEST) {
      throw new LichenError(
        'password-invalid',
        `the password has ${password.length} characters; expected ${SHORTEST} to ${LONGEST}`,
      );
    }
    const salt = randomBytes(16);
    const hash = await derive(password, salt, COST);
    const { N, r, p } = COST;
    const draft = `${this.file}.${process.pid}.new`;
    try {
      writeFileSync(draft, `scrypt ${N} ${r} ${p} ${salt.toString('hex')} ${hash.toString('hex')}\n`, {
        mode: 0o600,
      });
      chmodSync(draft, 0o600);
      renameSync(draft, this.file);
    } catch (error) {
      rmSync(draft, { force: true });
      throw new LichenError(
        'password-not-kept',
        `the password cannot be kept in ${this.file}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /**
   * Whether it is the password; takes some tenths of a second, whatever is given.
   * @throws LichenError `password-unreadable` where one was set and its file cannot be read
   */
  async check(password: string): Promise<boolean> {
    if (!this.isSet) return false;
    const stored = this.stored();
    if (password.length > LONGEST) return false;
    const { salt, hash, ...cost } = stored;
    return timingSafeEqual(await derive(password, salt, cost), hash);
  }

  private stored(): { N: number; r: number; p: number; salt: Buffer; hash: Buffer } {
    const unreadable = (why: string) =>
      new LichenError(
        'password-unreadable',
        `the page's password cannot be read from ${this.file}: ${why}; set it anew with 'lichen password', as the agent's user`,
      );
    let text: string;
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (error) {
      throw unreadable(messageOf(error));
    }
    const found = /^scrypt (\d+) (\d+) (\d+) ([0-9a-f]{32}) ([0-9a-f]{64})\n$/.exec(text);
    if (!found) throw unreadable('it is damaged');
    const [N, r, p] = found.slice(1, 4).map(Number);
    return { N: N!, r: r!, p: p!, salt: Buffer.from(found[4]!, 'hex'), hash: Buffer.from(found[5]!, 'hex') };
  }
}

function derive(password: string, salt: Buffer, { N, r, p }: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize(), salt, KEY_BYTES, { N, r, p, maxmem: 2 * 128 * N * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
