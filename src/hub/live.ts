import type { ServerResponse } from 'node:http';
import { EventStream, eventMessage } from '../event-stream.js';
import type { DeviceViews } from './device-views.js';
import type { History } from './history.js';
import type { DeviceView, EventView, TotalsView } from './views.js';

/** What the live stream sends; `snapshot` first, then changes. */
export interface LiveMessages {
  snapshot: { devices: DeviceView[]; events: EventView[]; totals: TotalsView };
  device: DeviceView;
  event: EventView;
  totals: TotalsView;
  /** The packs or the outcome of an install changed: ask for /api/packs. */
  packs: Record<string, never>;
}

interface LiveOptions {
  views: DeviceViews;
  history: History;
  /** Changes are gathered for so long before they are sent. */
  gatherMs?: number;
}

const SNAPSHOT_EVENTS = 100;

/** Server-sent events: tells every connected reader what changed, without anybody asking again. */
export class Live {
  private readonly options: LiveOptions;
  private readonly stream = new EventStream();
  private readonly changed = new Set<string>();
  private packsToTell = false;
  private lastEvent: number;
  private gathering: NodeJS.Timeout | undefined;

  constructor(options: LiveOptions) {
    this.options = options;
    this.lastEvent = options.history.events(1)[0]?.id ?? 0;
  }

  /** Notes that something about a device changed: its state, its metrics, its events. */
  deviceChanged(device: string): void {
    this.changed.add(device);
    this.gather();
  }

  /** Notes that a pack was uploaded or an install came further. */
  packsChanged(): void {
    this.packsToTell = true;
    this.gather();
  }

  /** Sends a snapshot, and every change from then on, until the reader goes away. */
  serve(response: ServerResponse): void {
    // What is still being gathered is part of the snapshot; the other readers get it now.
    this.send();
    const { views, history } = this.options;
    const events = history.events(SNAPSHOT_EVENTS);
    this.stream.serve(
      response,
      message('snapshot', { devices: views.all(), events, totals: views.totals() }),
    );
  }

  /** Ends every stream. */
  stop(): void {
    clearTimeout(this.gathering);
    this.stream.stop();
  }

  private gather(): void {
    this.gathering ??= setTimeout(() => this.send(), this.options.gatherMs ?? 200);
  }

  private send(): void {
    clearTimeout(this.gathering);
    this.gathering = undefined;
    const { views, history } = this.options;
    const events = history.eventsAfter(this.lastEvent, SNAPSHOT_EVENTS);
    this.lastEvent = events.at(-1)?.id ?? this.lastEvent;
    if (this.stream.readersConnected > 0 && (this.changed.size > 0 || this.packsToTell)) {
      const parts = [
        ...[...this.changed].flatMap((id) => views.one(id) ?? []).map((device) => message('device', device)),
        ...events.map((event) => message('event', event)),
        message('totals', views.totals()),
        ...(this.packsToTell ? [message('packs', {})] : []),
      ];
      this.stream.send(parts.join(''));
    }
    this.changed.clear();
    this.packsToTell = false;
  }
}

function message<K extends keyof LiveMessages>(kind: K, data: LiveMessages[K]): string {
  return eventMessage(kind, data);
}
