import type { Logger } from 'pino';
import { LichenError, messageOf } from '../errors.js';
import { parsePayload, type ReportKind, reportSchemas } from '../link/schemas.js';
import { parseTopic, type Topic } from '../link/topics.js';
import type { Database } from '../store/database.js';
import type { InstallLog } from './install-log.js';
import type { Registry, Report } from './registry.js';
import type { Rejections } from './rejections.js';
import type { Retained } from './retained.js';

/** A message on its way through the broker. */
export interface Incoming {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  retain: boolean;
}

/** What was committed for one message. */
export type Outcome =
  | { kind: 'accepted'; device: string; report: Report }
  | { kind: 'double' | 'rejected'; device: string }
  /** Not a report of a device: nothing but a retained message was kept. */
  | { kind: 'passed' };

interface IngestOptions {
  database: Database;
  registry: Registry;
  rejections: Rejections;
  retained: Retained;
  installs: InstallLog;
  log: Logger;
}

type Taken = (error: Error | null) => void;

const MAX_PAYLOAD_BYTES = 1024 * 1024;
const MAX_BATCH = 1000;

/**
 * Writes down the messages that reach the broker, in their order. All that arrived in one turn of the event loop is
 * one transaction; only when it is committed to the disk are they confirmed, and only what is confirmed does the
 * broker acknowledge (PUBACK). When the transaction fails, none of them is, and the devices send them again.
 */
export class Ingest {
  private readonly options: IngestOptions;
  private readonly listeners: ((outcomes: readonly Outcome[]) => void)[] = [];
  private queue: { message: Incoming; taken: Taken }[] = [];
  private closed = false;

  constructor(options: IngestOptions) {
    this.options = options;
  }

  /** Calls the listener with what was committed, after each commit. */
  onCommit(listener: (outcomes: readonly Outcome[]) => void): void {
    this.listeners.push(listener);
  }

  /** Queues a message; `taken` is called when it is on disk, or with the error that prevented it. */
  take(message: Incoming, taken: Taken): void {
    if (this.closed) {
      taken(new LichenError('hub-stopping', 'The hub is stopping; the message was not taken.'));
      return;
    }
    this.queue.push({ message, taken });
    if (this.queue.length === 1) setImmediate(() => this.flush());
  }

  /** Writes down what is queued, and refuses what comes later. */
  close(): void {
    this.flush();
    this.closed = true;
  }

  private flush(): void {
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, MAX_BATCH);
      const { database, log } = this.options;
      let outcomes: Outcome[];
      try {
        outcomes = database.transaction(() => batch.map(({ message }) => this.record(message)))();
      } catch (error) {
        log.error(
          { error: messageOf(error), messages: batch.length },
          'messages not taken: devices will repeat them',
        );
        for (const { taken } of batch) taken(error instanceof Error ? error : new Error(messageOf(error)));
        continue;
      }
      for (const { taken } of batch) taken(null);
      for (const listener of this.listeners) listener(outcomes);
    }
  }

  private record(message: Incoming): Outcome {
    try {
      // A savepoint: what is refused halfway leaves nothing behind.
      return this.options.database.transaction(() => this.read(message))();
    } catch (error) {
      // The database's own trouble is not the message's fault.
      if (error instanceof LichenError && error.code.startsWith('store-')) throw error;
      return this.reject(message, error);
    }
  }

  private read(message: Incoming): Outcome {
    const { registry, retained, installs } = this.options;
    const topic = parseTopic(message.topic);
    const kind = topic?.kind;
    // Pictures pass through for whoever subscribed, and nothing of them is kept, be they retained. So do the events of results:
    // what they say is in the results already.
    if (kind === 'picture' || (topic?.kind === 'result' && !('task' in topic))) return { kind: 'passed' };
    if (topic !== undefined && kind !== undefined && kind !== 'request' && message.payload.length > 0) {
      const report = readReport(topic, kind, message);
      const outcome = registry.accept(report, Date.now());
      if (report.kind === 'response') installs.record(topic.device, report.body, Date.now());
      if (message.retain) retained.put(message);
      const { device } = topic;
      return outcome === 'accepted' ? { kind: outcome, device, report } : { kind: outcome, device };
    }
    // A retained request would reach its device at every connect: it is not kept.
    if (message.retain && kind !== 'request') retained.put(message);
    return { kind: 'passed' };
  }

  private reject(message: Incoming, error: unknown): Outcome {
    const { registry, rejections, log } = this.options;
    const code = error instanceof LichenError ? error.code : 'internal';
    const name = message.topic.split('/')[2] ?? '';
    const device = registry.isKnown(name) ? name : undefined;
    rejections.add(device, code, message.topic, messageOf(error), Date.now());
    log.warn({ topic: message.topic, code, error: messageOf(error) }, 'message rejected');
    return { kind: 'rejected', device: name };
  }
}

function readReport(topic: Topic, kind: ReportKind, message: Incoming): Report {
  if (message.payload.length > MAX_PAYLOAD_BYTES) {
    throw new LichenError(
      'payload-too-large',
      `Message on ${message.topic} has ${message.payload.length} bytes; at most ${MAX_PAYLOAD_BYTES} are taken.`,
    );
  }
  const body: unknown = parsePayload<unknown>(reportSchemas[kind], message.topic, message.payload);
  // The schema that was applied is the one that belongs to the kind.
  const report = { kind, body } as Report;
  const { device } = report.body;
  const task = 'task' in report.body ? report.body.task : undefined;
  if (device !== topic.device || ('task' in topic && task !== topic.task)) {
    throw new LichenError(
      'payload-misplaced',
      `Message on ${message.topic} names another device or task than its topic.`,
    );
  }
  return report;
}
