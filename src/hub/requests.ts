import { randomUUID } from 'node:crypto';
import { LichenError } from '../errors.js';
import { CONTRACT_VERSION, parsePayload, type ReportOf, requestSchemas, type Verb } from '../link/schemas.js';
import { formatTopic } from '../link/topics.js';
import type { Incoming } from './ingest.js';

/** What a device answered. */
export type Answer = ReportOf<'response'>;

interface RequestsOptions {
  publish: (message: Incoming) => Promise<void>;
  isKnown: (device: string) => boolean;
  isOnline: (device: string) => boolean;
}

interface Pending {
  device: string;
  verb: Verb;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Sends requests to devices and matches their responses by transaction. */
export class Requests {
  private readonly options: RequestsOptions;
  private readonly pending = new Map<string, Pending>();

  constructor(options: RequestsOptions) {
    this.options = options;
  }

  /**
   * Sends a request and waits for its response, be it `ok` or `error`.
   * @param body the verb's own fields.
   * @param transaction drawn where it is left out.
   * @throws LichenError `payload-invalid`, `device-unknown`, `device-offline`, `request-timeout` (the device may still
   *   execute it) or `hub-stopping`.
   */
  async send(
    device: string,
    verb: Verb,
    body: object,
    timeoutMs: number,
    transaction: string = randomUUID(),
  ): Promise<Answer> {
    const topic = formatTopic({ kind: 'request', device, verb });
    const payload = Buffer.from(JSON.stringify({ ...body, v: CONTRACT_VERSION, transaction }));
    parsePayload<unknown>(requestSchemas[verb], topic, payload);
    this.requireOnline(device);
    const answer = new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(transaction);
        reject(
          new LichenError(
            'request-timeout',
            `${device} did not answer ${verb} ${transaction} within ${timeoutMs / 1000} s. It may still execute it.`,
          ),
        );
      }, timeoutMs);
      this.pending.set(transaction, { device, verb, resolve, reject, timer });
    });
    // A failure to publish is reported below; the answer that then never comes must not be.
    answer.catch(() => undefined);
    try {
      await this.options.publish({ topic, payload, qos: 1, retain: false });
    } catch (error) {
      this.settled(transaction);
      throw error;
    }
    return answer;
  }

  /** @throws LichenError `device-unknown`, `device-offline`. */
  requireOnline(device: string): void {
    if (!this.options.isKnown(device)) {
      throw new LichenError('device-unknown', `No device named ${device} has reported to this hub.`);
    }
    if (!this.options.isOnline(device)) {
      throw new LichenError(
        'device-offline',
        `${device} is offline; send the request again when it is back.`,
      );
    }
  }

  /** Hands over a response that came in; false when nobody waits for it. */
  settle(device: string, answer: Answer): boolean {
    const { transaction } = answer;
    const waiting = transaction === null ? undefined : this.pending.get(transaction);
    if (transaction === null || waiting?.device !== device) return false;
    this.settled(transaction);
    waiting.resolve(answer);
    return true;
  }

  /** Gives up on every request that still waits. */
  stop(): void {
    for (const [transaction, { device, verb, reject }] of [...this.pending]) {
      this.settled(transaction);
      reject(new LichenError('hub-stopping', `The hub stopped before ${device} answered ${verb}.`));
    }
  }

  private settled(transaction: string): void {
    clearTimeout(this.pending.get(transaction)?.timer);
    this.pending.delete(transaction);
  }
}
