import type { EventView, LiveEvents } from '../api.js';
import type { ApiClient } from './api-client.js';
import type { State, Store } from './store.js';

const KEPT_EVENTS = 50;
const LONGEST_WAIT = 10_000;
/** The device sends something every few seconds: a connection that is silent for so long is dead, as after a sleep. */
const STALE_AFTER = 20_000;
const LOOK_EVERY = 5000;

/** Keeps the store as the device's live stream says, and connects again whenever that is lost. */
export class LiveStream {
  private readonly store: Store<State>;
  private readonly api: ApiClient;
  private readonly onEvent: (event: EventView) => void;
  private source: EventSource | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private wait = 1000;
  private lastAt = 0;
  private watching: ReturnType<typeof setInterval> | undefined;

  constructor(store: Store<State>, api: ApiClient, onEvent: (event: EventView) => void) {
    this.store = store;
    this.api = api;
    this.onEvent = onEvent;
  }

  start(): void {
    this.connect();
    this.watching = setInterval(this.look, LOOK_EVERY);
    document.addEventListener('visibilitychange', this.look);
    window.addEventListener('online', this.connect);
    window.addEventListener('offline', this.lost);
  }

  stop(): void {
    clearInterval(this.watching);
    document.removeEventListener('visibilitychange', this.look);
    window.removeEventListener('online', this.connect);
    window.removeEventListener('offline', this.lost);
    this.disconnect();
  }

  private readonly connect = (): void => {
    this.disconnect();
    const source = new EventSource('/api/live');
    this.source = source;
    let first = true;
    this.on(source, 'overview', (overview) => {
      this.wait = 1000;
      // Frames of sources that are no more are not sent again.
      this.store.set({ overview, connection: 'live', ...(first && { frames: {} }) });
      first = false;
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

  private readonly lost = (): void => {
    this.store.set({ connection: 'lost' });
  };

  private readonly look = (): void => {
    if (document.visibilityState !== 'visible' || Date.now() - this.lastAt < STALE_AFTER) return;
    if (this.source?.readyState !== EventSource.OPEN) return;
    this.lost();
    this.connect();
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
