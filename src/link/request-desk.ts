import type { Logger } from 'pino';
import { LichenError, messageOf } from '../errors.js';
import type { RequestLog } from './request-log.js';
import {
  parseJson,
  parsePayload,
  type RequestOf,
  type ResponseBody,
  requestSchemas,
  type Verb,
} from './schemas.js';
import { formatTopic, isId } from './topics.js';

/** Executes a request; what it returns (JSON) is the response's data. A LichenError becomes an error response. */
export type RequestHandler<V extends Verb> = (request: RequestOf<V>) => unknown | Promise<unknown>;

interface DeskOptions {
  device: string;
  requests: RequestLog;
  respond: (verb: string, response: ResponseBody) => void;
  log: Logger;
}

/**
 * Takes the requests of one device: checks them, hands each to its verb's handler once, and answers every one of
 * them. It never throws: what is wrong with a request is told to whoever sent it.
 */
export class RequestDesk {
  private readonly options: DeskOptions;
  /** Checks and executes one verb's payload. */
  private readonly verbs = new Map<string, { check: Check; execute: Execute }>();
  private readonly running = new Set<string>();

  constructor(options: DeskOptions) {
    this.options = options;
  }

  on<V extends Verb>(verb: V, handler: RequestHandler<V>): void {
    const schema = requestSchemas[verb];
    this.verbs.set(verb, {
      check: (topic, payload) => parsePayload<{ transaction: string }>(schema, topic, payload),
      // The schema that `check` applied is the one that RequestOf<V> is inferred from.
      execute: (request) => handler(request as RequestOf<V>),
    });
  }

  /** @param retained whether the broker replayed it: such a request is old and is refused, not executed. */
  async receive(verb: string, payload: Uint8Array, retained: boolean): Promise<void> {
    // A retained message is deleted by publishing an empty one; that is not a request.
    if (payload.length === 0) return;
    const topic = formatTopic({ kind: 'request', device: this.options.device, verb });
    let transaction: string | null = null;
    try {
      transaction = transactionOf(topic, payload);
      const { check, execute } = this.lookUp(verb, topic, retained);
      const request = check(topic, payload);
      await this.once(verb, request, execute);
    } catch (error) {
      this.options.log.warn({ topic, transaction, error: messageOf(error) }, 'request refused');
      this.options.respond(verb, failure(transaction, error));
    }
  }

  private lookUp(verb: string, topic: string, retained: boolean): { check: Check; execute: Execute } {
    if (retained) {
      throw new LichenError(
        'request-retained',
        `Request on ${topic} is a retained message and was not executed. Publish requests without 'retain'.`,
      );
    }
    const found = this.verbs.get(verb);
    if (found !== undefined) return found;
    throw new LichenError(
      'verb-unknown',
      `Request on ${topic}: this device does not know '${verb}'. It knows: ${[...this.verbs.keys()].join(', ')}.`,
    );
  }

  private async once(verb: string, request: { transaction: string }, execute: Execute): Promise<void> {
    const { requests, respond, log } = this.options;
    const { transaction } = request;
    const before = requests.find(transaction);
    if (before.state === 'answered') {
      respond(verb, JSON.parse(before.response.toString()) as ResponseBody);
      return;
    }
    // Its answer comes when it is done.
    if (this.running.has(transaction)) return;
    if (before.state === 'begun') {
      throw new LichenError(
        'request-interrupted',
        `The device stopped while it executed ${verb} ${transaction}; its outcome is unknown. ` +
          'Ask for the status, and send it again under a new transaction if it is still wanted.',
      );
    }
    this.running.add(transaction);
    try {
      requests.begin(transaction, verb);
      const response = await this.outcome(verb, request, execute);
      // On record first: a crash in between sends no answer, but the same request sent again gets the true one.
      requests.finish(transaction, Buffer.from(JSON.stringify(response)));
      respond(verb, response);
    } finally {
      this.running.delete(transaction);
    }
    log.debug({ verb, transaction }, 'request answered');
  }

  private async outcome(
    verb: string,
    request: { transaction: string },
    execute: Execute,
  ): Promise<ResponseBody> {
    const { transaction } = request;
    try {
      // Through JSON, so that what is answered now and what is answered to a repetition are the same.
      const data: unknown = JSON.parse(JSON.stringify((await execute(request)) ?? null));
      return { status: 'ok', transaction, data };
    } catch (error) {
      this.options.log.warn({ verb, transaction, error: messageOf(error) }, 'request failed');
      return failure(transaction, error);
    }
  }
}

type Check = (topic: string, payload: Uint8Array) => { transaction: string };
type Execute = (request: { transaction: string }) => unknown | Promise<unknown>;

function failure(transaction: string | null, error: unknown): ResponseBody {
  const code = error instanceof LichenError ? error.code : 'internal';
  return { status: 'error', transaction, error: { code, message: messageOf(error).slice(0, 4096) } };
}

/** The transaction of a request that may otherwise be broken; null when it has none. */
function transactionOf(topic: string, payload: Uint8Array): string | null {
  const value = parseJson(topic, payload);
  if (typeof value !== 'object' || value === null) return null;
  const { transaction } = value as { transaction?: unknown };
  return isId(transaction) ? transaction : null;
}
