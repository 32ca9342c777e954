import type { ServerResponse } from 'node:http';
import { EventStream, eventMessage } from '../event-stream.js';
import type { CountServed } from '../link/served.js';
import type { EventView, FrameView, LiveEvents, Overview } from './api.js';

/** Changes are gathered for so long before they are sent. */
const GATHER_MS = 500;
/** What grows by itself, such as counters, is sent so often. */
const REFRESH_MS = 5000;

interface LiveOptions {
  overview: () => Overview;
  frames: () => FrameView[];
  served: CountServed;
}

/** The live stream of the device's page. */
export class Live {
  private readonly stream: EventStream;
  private readonly overview: () => Overview;
  private readonly frames: () => FrameView[];
  private gathering: NodeJS.Timeout | undefined;
  private refreshing: NodeJS.Timeout | undefined;

  constructor({ overview, frames, served }: LiveOptions) {
    this.stream = new EventStream(({ req }, bytes) => served('page-live', req.socket.remoteAddress, bytes));
    this.overview = overview;
    this.frames = frames;
  }

  /** Sends how things are, and what changes, until the reader goes away. */
  serve(response: ServerResponse): void {
    this.refreshing ??= setInterval(() => this.changed(), REFRESH_MS);
    const first = [
      message('overview', this.overview()),
      ...this.frames().map((frame) => message('frame', frame)),
    ];
    this.stream.serve(response, first.join(''));
  }

  frame(frame: FrameView): void {
    if (this.stream.readersConnected > 0) this.stream.send(message('frame', frame));
  }

  event(event: EventView): void {
    if (this.stream.readersConnected > 0) this.stream.send(message('event', event));
  }

  /** Notes that what the overview says has changed. */
  changed(): void {
    if (this.stream.readersConnected === 0) return;
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      if (this.stream.readersConnected > 0) this.stream.send(message('overview', this.overview()));
    }, GATHER_MS);
  }

  /** Ends every stream; who is still logged in connects again. */
  letGo(): void {
    this.stream.stop();
  }

  stop(): void {
    clearTimeout(this.gathering);
    clearInterval(this.refreshing);
    this.stream.stop();
  }
}

function message<K extends keyof LiveEvents>(kind: K, data: LiveEvents[K]): string {
  return eventMessage(kind, data);
}
