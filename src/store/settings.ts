import { LichenError } from '../errors.js';
import type { Database } from './database.js';

/** Small facts that must survive a restart, such as the boot counter. */
export class Settings {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  get(key: string): string | undefined {
    return this.database.prepare<{ value: string }>('SELECT value FROM settings WHERE key = ?').get(key)
      ?.value;
  }

  set(key: string, value: string): void {
    this.database.prepare('INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)').run(key, value);
  }

  /**
   * Adds one to a counter (0 where it is missing) and returns the new value, which is on disk by then.
   * @throws LichenError `setting-not-a-counter`
   */
  increment(key: string): number {
    return this.database.transaction(() => {
      const before = this.get(key) ?? '0';
      const value = Number(before) + 1;
      if (!Number.isSafeInteger(value)) {
        throw new LichenError(
          'setting-not-a-counter',
          `Setting '${key}' in ${this.database.file} holds '${before}'; a whole number was expected.`,
        );
      }
      this.set(key, String(value));
      return value;
    })();
  }
}
