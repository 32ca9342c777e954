import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { EventData } from '../link/event-data.js';
import type { Feed } from './mqtt-feed.js';
import type { Seen } from './source.js';

/** A broker to listen to; what is left out is the device's own. */
export type BrokerSettings =
  | { url: string; username?: string; password?: string; protocol: 4 | 5 }
  | undefined;

/** Tells the owner that a source fails, and that it works again. */
export type TellSource = <K extends 'source-failed' | 'source-works'>(
  kind: K,
  message: string,
  data: EventData[K],
) => void;

/** What the device gives its sources to work with. */
export interface CaptureContext {
  seen: Seen;
  /** Small facts that outlive the program. */
  settings: { get(key: string): string | undefined; set(key: string, value: string): void };
  /** Size of the pictures that the backbone reads; pixels. */
  input: { width: number; height: number };
  /** The connection to a broker, one for each. */
  feed: (broker: BrokerSettings) => Feed;
  /** The device's web server, before it listens; undefined where it has none. */
  server: FastifyInstance | undefined;
  /** Tells the owner that a source fails, and that it works again. */
  report: TellSource;
  /** The task that labels of a source belong to which name none; undefined where there is none. */
  taskOfLabels: (source: string) => string | undefined;
  /** Of what is random: delays. */
  seed: number;
  log: Logger;
}
