import type { EventView, FrameView, Overview, SessionView } from '../api.js';
import type { Language } from './format.js';

export type Theme = 'auto' | 'light' | 'dark';

export interface Toast {
  id: number;
  text: string;
  tone: 'good' | 'info' | 'warning' | 'error';
}

/** All that the page shows and that more than one part of it reads. */
export interface State {
  session: SessionView | null;
  /** Why the device could not even be asked whether somebody is logged in. */
  unreachable: string | null;
  connection: 'connecting' | 'live' | 'lost';
  overview: Overview | null;
  /** The newest frame of each source. */
  frames: Record<string, FrameView>;
  /** Newest first. */
  events: EventView[];
  toasts: Toast[];
  /** What the device said right after the last label, for the undo that belongs to it. */
  learned: { undo: number; text: string } | null;
  /** The task that is being taught step by step; `task: null` before it has a name. */
  teaching: { task: string | null } | null;
  /** Null follows the browser. */
  chosenLanguage: Language | null;
  language: Language;
  theme: Theme;
}

/** A value that many read and few change. */
export class Store<T extends object> {
  private value: T;
  private readonly listeners = new Set<() => void>();

  constructor(value: T) {
    this.value = value;
  }

  get(): T {
    return this.value;
  }

  set(change: Partial<T>): void {
    this.value = { ...this.value, ...change };
    for (const listener of [...this.listeners]) listener();
  }

  /** @returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
