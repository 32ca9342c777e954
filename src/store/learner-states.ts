import { createHash, randomBytes } from 'node:crypto';
import { LichenError } from '../errors.js';
import { SEAL_BYTES } from '../replay/layout.js';
import { loadOrCreateKey, Vault } from '../replay/vault.js';
import type { Database } from './database.js';

/** What is kept of a learner of several tasks, without its bytes. */
export interface LearnerStateEntry {
  /** Which learner: the isolation that its tasks have in common. */
  learner: string;
  /** Counts the states that this learner ever had, from 1. */
  number: number;
  /** The method that it was trained by last, for people. */
  method: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Sealed, as it lies on the disk. */
  bytes: number;
  /** Of the sealed bytes. */
  sha256: string;
}

interface StateRow {
  learner: string;
  number: number;
  method: string;
  created_at: number;
  salt: Uint8Array;
  state: Uint8Array;
  sha256: string;
}

/** Bytes of a state when it is sealed. */
export const sealedBytes = (bytes: number): number => bytes + SEAL_BYTES;

const SALT_BYTES = 32;
const PURPOSE = 'lichen learner state 1';
const placeOf = (learner: string, number: number) => `${learner} ${number}`;

/**
 * What learners of several tasks need to learn the next one: weights, and what their methods keep of earlier tasks. It
 * derives from samples, so it is sealed as they are. Each learner has one state: the one that its last promoted
 * training left.
 */
export class LearnerStates {
  private readonly database: Database;
  private readonly keyFile: string;

  /** @param keyFile the owner's key, as the replay memory has it; it is read when a state is sealed or opened */
  constructor(database: Database, keyFile: string) {
    this.database = database;
    this.keyFile = keyFile;
  }

  /** The learners that have a state. */
  list(): LearnerStateEntry[] {
    return this.database
      .prepare<Omit<StateRow, 'state' | 'salt'> & { bytes: number }>(
        `SELECT learner, number, method, created_at, length(state) AS bytes, sha256 FROM learner_states ORDER BY learner`,
      )
      .all()
      .map(({ created_at, ...row }) => ({ ...row, createdAt: created_at }));
  }

  /**
   * A learner's state; undefined where it has learned nothing.
   * @throws LichenError `learner-state-corrupt` (its hash does not fit), `learner-state-wrong-key`, and as
   *   `loadOrCreateKey` does
   */
  load(learner: string): (LearnerStateEntry & { state: Uint8Array }) | undefined {
    const row = this.database
      .prepare<StateRow>('SELECT * FROM learner_states WHERE learner = ?')
      .get(learner);
    if (!row) return undefined;
    const { number, method, created_at: createdAt, salt, sha256 } = row;
    const what = `State ${number} of the learner '${learner}' in ${this.database.file}`;
    if (hashOf(row.state) !== sha256) {
      throw new LichenError(
        'learner-state-corrupt',
        `${what} is damaged: it does not have the hash ${sha256}. Its tasks still answer, but cannot be trained further; restore the store from a backup.`,
      );
    }
    const state = this.vault(salt).open(row.state, placeOf(learner, number));
    if (!state) {
      throw new LichenError(
        'learner-state-wrong-key',
        `${what} was sealed with another key than ${this.keyFile}. Put the key back that belongs to the store.`,
      );
    }
    return { learner, number, method, createdAt, sha256, bytes: row.state.length, state };
  }

  /** Replaces a learner's state. Inside a transaction it is kept or not together with all else there. */
  save(learner: string, method: string, state: Uint8Array, at: number = Date.now()): void {
    this.database.transaction(() => {
      const before = this.list().find((entry) => entry.learner === learner);
      const number = (before?.number ?? 0) + 1;
      const salt = randomBytes(SALT_BYTES);
      const sealed = this.vault(salt).seal(state, placeOf(learner, number));
      this.database
        .prepare(
          `INSERT OR REPLACE INTO learner_states (learner, number, method, created_at, salt, state, sha256)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(learner, number, method, at, salt, sealed, hashOf(sealed));
    })();
  }

  private vault(salt: Uint8Array): Vault {
    return new Vault(loadOrCreateKey(this.keyFile), salt, PURPOSE);
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
