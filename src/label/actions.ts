import type { Database } from '../store/database.js';
import type { UndoView } from './api.js';
import type { Sealed } from './sealed.js';

/** A picture that an action was about, with what undoing it needs. */
export interface ActedOn {
  sample: string;
  latent: Uint8Array;
  /** The label that it had before, where it had one. */
  before?: { task: string; label: string };
  /** The label that it was given. */
  after?: { task: string; label: string };
  /** What was shown of it while it was asked about. */
  picture?: Uint8Array;
  /** Whether it was a question. */
  asked: boolean;
}

export interface Action {
  kind: UndoView['kind'];
  task: string | null;
  label: string | null;
  on: readonly ActedOn[];
}

interface ActionRow {
  id: number;
  at: number;
  kind: UndoView['kind'];
  task: string | null;
  label: string | null;
  content: Uint8Array;
}

/** So many of the last things can be undone, one after the other. */
const REMEMBERED = 20;
const placeOf = (at: number) => `action ${at}`;

/** What the owner did last. It holds what was deleted until it is too old to be undone, sealed. */
export class Actions {
  private readonly database: Database;
  private readonly sealed: Sealed;

  constructor(database: Database, sealed: Sealed) {
    this.database = database;
    this.sealed = sealed;
  }

  add({ kind, task, label, on }: Action, at: number): UndoView {
    const facts = on.map(({ latent, picture, ...fact }) => ({ ...fact, pictured: picture !== undefined }));
    const content = this.sealed.seal(
      placeOf(at),
      Buffer.from(JSON.stringify(facts)),
      ...on.flatMap(({ latent, picture }) => (picture ? [latent, picture] : [latent])),
    );
    const { lastInsertRowid } = this.database
      .prepare('INSERT INTO label_actions (at, kind, task, label, content) VALUES (?, ?, ?, ?, ?)')
      .run(at, kind, task, label, content);
    this.database
      .prepare('DELETE FROM label_actions WHERE id <= ?')
      .run(Number(lastInsertRowid) - REMEMBERED);
    return { id: Number(lastInsertRowid), at, kind, task, label, pictures: on.length };
  }

  /** The last thing that can be undone. */
  last(): UndoView | undefined {
    const row = this.newest();
    if (!row) return undefined;
    const { id, at, kind, task, label } = row;
    return { id, at, kind, task, label, pictures: this.actedOn(row).length };
  }

  /** What the last thing was about; undefined where another one was last. */
  of(id: number): Action | undefined {
    const row = this.newest();
    if (row?.id !== id) return undefined;
    const { kind, task, label } = row;
    return { kind, task, label, on: this.actedOn(row) };
  }

  remove(id: number): void {
    this.database.prepare('DELETE FROM label_actions WHERE id = ?').run(id);
  }

  /** Lets go of what was done before a time: pictures are not kept for longer than that. */
  expire(before: number): void {
    this.database.prepare('DELETE FROM label_actions WHERE at < ?').run(before);
  }

  private newest(): ActionRow | undefined {
    return this.database.prepare<ActionRow>('SELECT * FROM label_actions ORDER BY id DESC LIMIT 1').get();
  }

  private actedOn({ at, content }: ActionRow): ActedOn[] {
    const [facts, ...parts] = this.sealed.open(placeOf(at), content);
    const list = JSON.parse(facts!.toString()) as (Omit<ActedOn, 'latent'> & { pictured: boolean })[];
    return list.map(({ pictured, ...fact }) => ({
      ...fact,
      latent: new Uint8Array(parts.shift()!),
      ...(pictured && { picture: parts.shift()! }),
    }));
  }
}
