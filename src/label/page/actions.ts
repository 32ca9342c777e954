import type { Overview, UndoView } from '../api.js';
import { type ApiClient, ApiError, Unreachable } from './api-client.js';
import { percent, seconds } from './format.js';
import { dictionaries } from './i18n/languages.js';
import type { State, Store, Toast } from './store.js';

const SHOWN_TOASTS = 3;

/** What the owner does, with what is told about it. */
export class Actions {
  private readonly store: Store<State>;
  private readonly api: ApiClient;
  private lastToast = 0;

  constructor(store: Store<State>, api: ApiClient) {
    this.store = store;
    this.api = api;
  }

  tell(text: string, tone: Toast['tone'] = 'good'): void {
    const toast = { id: ++this.lastToast, text, tone };
    const others = this.store.get().toasts.filter((one) => one.text !== text);
    this.store.set({ toasts: [...others, toast].slice(-SHOWN_TOASTS) });
  }

  dismiss(id: number): void {
    this.store.set({ toasts: this.store.get().toasts.filter((toast) => toast.id !== id) });
  }

  /** What an error says to the owner. */
  explain(error: unknown): string {
    const { common, errors } = this.text();
    if (error instanceof Unreachable) return common.noAnswer;
    if (error instanceof ApiError) return errors[error.code] ?? error.message;
    throw error;
  }

  /** Waits for what was asked of the device; where that fails the owner is told. @returns undefined then. */
  async attempt<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      const told = this.explain(error);
      // Logged out in between: the login page says enough.
      if (this.store.get().session?.state === 'open') this.tell(told, 'error');
      return undefined;
    }
  }

  /** @returns whether the device took the label. */
  async label(sample: string, task: string, label: string): Promise<boolean> {
    const labelled = await this.attempt(this.api.label(sample, task, label));
    if (labelled === undefined) return false;
    const { language } = this.store.get();
    const { live, common } = this.text();
    const { answer, milliseconds, undo } = labelled;
    const said = answer && live.nowSays(answer.label ?? common.novel, percent(answer.probability, language));
    const text = [live.learned(seconds(milliseconds, language)), said].filter(Boolean).join(' ');
    this.store.set({ learned: { undo: undo.id, text } });
    this.undoable(undo);
    return true;
  }

  async skip(sample: string): Promise<boolean> {
    return this.noted(await this.attempt(this.api.skip(sample)));
  }

  async bad(sample: string): Promise<boolean> {
    return this.noted(await this.attempt(this.api.bad(sample)));
  }

  async remove(sample: string): Promise<boolean> {
    return this.noted(await this.attempt(this.api.remove(sample)));
  }

  /**
   * Takes the last thing back.
   * @param quiet where the page itself shows what is undone
   * @returns whether there was one and it is undone
   */
  async undo({ quiet = false } = {}): Promise<boolean> {
    const undo = this.store.get().overview?.undo;
    if (!undo) return false;
    this.overview({ undo: null });
    const done = await this.attempt(this.api.undo(undo.id).then(() => true));
    if (done && !quiet) this.tell(this.text().undo.undone);
    if (!done && this.store.get().overview?.undo === null) this.overview({ undo });
    return done === true;
  }

  private noted(answer: { undo: UndoView } | undefined): boolean {
    if (answer !== undefined) this.undoable(answer.undo);
    return answer !== undefined;
  }

  /** Shown at once, before the stream says so. */
  private undoable(undo: UndoView): void {
    this.overview({ undo });
  }

  private overview(change: Partial<Overview>): void {
    const { overview } = this.store.get();
    if (overview !== null) this.store.set({ overview: { ...overview, ...change } });
  }

  private text() {
    return dictionaries[this.store.get().language];
  }
}
