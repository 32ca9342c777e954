import type { EventView, FrameView, LiveEvents, Overview } from '../api.js';
import type { ApiClient } from './api-client.js';
import type { State, Store } from './store.js';

const KEPT_EVENTS = 50;
const LONGEST_WAIT = 10_000;
/** A phone that slept may hold a connection that is long dead. */
const STALE_AFTER = 15_000;

/** Keeps the store as the device's live stream says, and connects again whenever that is lost. */
export class LiveStream {
  private readonly store: Store<State>;
  private readonly api: ApiClient;
  private readonly onEvent: (event: EventView) => void;
  private source: EventSource | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private wait = 1000;
  private lastAt = 0;

  constructor(store: Store<State>, api: ApiClient, onEvent: (event: EventView) => void) {
    this.store = store;
    this.api = api;
    this.onEvent = onEvent;
  }

  start(): void {
    this.connect();
    document.addEventListener('visibilitychange', this.awoke);
    window.addEventListener('online', this.connect);
    window.addEventListener('offline', this.lost);
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.awoke);
    window.removeEventListener('online', this.connect);
    window.removeEventListener('offline', this.lost);
    this.disconnect();
  }

  private readonly connect = (): void => {
    this.disconnect();
    const source = new EventSource('/api/live');
    this.source = source;
    this.on(source, 'overview', (overview) => {
      this.wait = 1000;
      this.store.set({ overview, connection: 'live', frames: this.framesOf(overview) });
    });
    this.on(source, 'frame', (frame) =>
      this.store.set({ frames: { ...this.store.get().frames, [frame.source]: frame } }),
    );
    this.on(source, 'event', (event) => {
      this.store.set({ events: [event, ...this.store.get().events].slice(0, KEPT_EVENTS) });
      this.onEvent(event);
    });
    source.addEventListener('error', () => {
      this.lost();
      // A browser retries lost connections, but takes an error page for the end.
      if (source.readyState === EventSource.CLOSED) this.tryLater();
    });
  };

  private on<K extends keyof LiveEvents>(
    source: EventSource,
    kind: K,
    take: (value: LiveEvents[K]) => void,
  ): void {
    source.addEventListener(kind, (message: MessageEvent<string>) => {
      this.lastAt = Date.now();
      take(JSON.parse(message.data) as LiveEvents[K]);
    });
  }

  /** Frames of sources that are no more are dropped. */
  private framesOf(overview: Overview): Record<string, FrameView> {
    const { frames } = this.store.get();
    const gone = Object.keys(frames).filter(
      (name) => !overview.sources.some(({ source }) => source === name),
    );
    if (gone.length === 0) return frames;
    return Object.fromEntries(Object.entries(frames).filter(([name]) => !gone.includes(name)));
  }

  private readonly lost = (): void => {
    this.store.set({ connection: 'lost' });
  };

  private readonly awoke = (): void => {
    if (document.visibilityState === 'visible' && Date.now() - this.lastAt > STALE_AFTER) this.connect();
  };

  private tryLater(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(async () => {
      try {
        // The stream may have been refused because the session has ended: then the login page shows.
        if ((await this.api.refreshSession()).state === 'open') this.connect();
      } catch {
        this.tryLater();
      }
    }, this.wait);
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
  }

  private disconnect(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }
}
