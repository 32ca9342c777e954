import pino from 'pino';
import type { CaptureContext } from '../../src/capture/context.js';
import { Feeds } from '../../src/capture/feeds.js';
import type { Store } from '../../src/store/store.js';
import { seenIn } from './watched.js';

/** What sources get from a device, in a test: its store, and a broker that is not there unless one is given. */
export function contextFor(
  store: Store,
  broker = 'mqtt://127.0.0.1:1',
): CaptureContext & { reports: string[] } {
  const feeds = new Feeds('cam', { url: broker, protocol: 4, reconnectMax: 1000 }, 1);
  const reports: string[] = [];
  return {
    seen: seenIn(store),
    settings: store.settings,
    input: { width: 224, height: 224 },
    server: undefined,
    feed: (settings) => feeds.get(settings),
    report: (kind, message) => reports.push(`${kind} ${message}`),
    taskOfLabels: () => undefined,
    seed: 1,
    log: pino({ level: 'silent' }),
    reports,
  };
}
