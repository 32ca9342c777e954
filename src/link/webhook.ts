import type { Logger } from 'pino';
import { messageOf } from '../errors.js';
import { Random } from '../random.js';
import { Backoff } from './backoff.js';
import { signedHeaders } from './webhook-message.js';
import type { WaitingMessage } from './webhook-queue.js';

export interface WebhookOptions {
  /** http: or https:; user and password may stand in it. */
  url: string;
  secret?: string | undefined;
  /** An attempt that takes longer has failed; milliseconds. */
  timeout: number;
  /** A message is tried again until it is so old; milliseconds. */
  keep: number;
  /** Delays between attempts; milliseconds. */
  retry: { minMs: number; maxMs: number };
  /** Of the delays' jitter. */
  seed: number;
  /** What waits since before this start of the program, the oldest first. */
  waiting: readonly WaitingMessage[];
  /** Keeps a message until `done`, over the end of the program. */
  keepWaiting: (message: WaitingMessage) => void;
  /** Called when a message need not be kept any more. */
  done: (id: string) => void;
  /** Called with the bytes of each body that is handed to the network. */
  sent: (bytes: number) => void;
  log: Logger;
}

/** What became of an address's messages since the start of the program. */
export interface WebhookStats {
  /** Without user, password and query. */
  url: string;
  /** Messages that the address took. */
  delivered: number;
  /** Bodies that left, those that were sent again included, and their bytes. */
  attempts: number;
  bytes: number;
  /** Messages that the address refused for good. */
  refused: number;
  /** Messages that were given up: too old, or too many. */
  dropped: number;
  waiting: number;
  lastAt: number | null;
  /** Why the last attempt failed; null after one that did not. */
  lastError: string | null;
}

/** Messages that wait, at most; the oldest give way. */
const MOST_WAITING = 100;
const MOST_WAITING_BYTES = 256 * 1024;
/** An address that asks for a pause gets one, up to so long. */
const LONGEST_PAUSE_MS = 3_600_000;
const MOST_REDIRECTS = 3;
/** Reasons for which nothing left: there was no connection. */
const NEVER_LEFT = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ...['SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED'],
]);

interface Waiting extends WaitingMessage {
  bytes: number;
  /** By the clock of this start of the program, which is never set. */
  since: number;
}

type Outcome = { done: true } | { refused: string } | { failed: string; pause?: number };

/**
 * Posts messages to one address, one at a time and in order. What an address cannot take now waits, bounded in number,
 * bytes and age, and is tried again later and later: nothing ever waits for it, and it never piles up. What waits is kept
 * beside, so that the program may end at any moment.
 */
export class Webhook {
  private readonly options: WebhookOptions;
  private readonly url: URL;
  private readonly authorization: string | undefined;
  private readonly backoff: Backoff;
  private readonly ending = new AbortController();
  private readonly queue: Waiting[] = [];
  private queued = 0;
  private working: Promise<void> | undefined;
  private readonly counts = { delivered: 0, attempts: 0, bytes: 0, refused: 0, dropped: 0 };
  private lastAt: number | null = null;
  private lastError: string | null = null;

  constructor(options: WebhookOptions) {
    this.options = options;
    const { username, password } = new URL(options.url);
    this.url = new URL(options.url);
    // fetch takes no user and password in an address.
    this.url.username = '';
    this.url.password = '';
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    if (username !== '') this.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    this.backoff = new Backoff({ ...options.retry, random: new Random(options.seed) });
    // A clock that was set back makes nothing younger than it is.
    for (const message of options.waiting) this.enqueue(message, Math.max(0, Date.now() - message.at));
  }

  /** Begins to post what waits since before this start of the program. */
  start(): void {
    this.workOn();
  }

  /** Takes a message to be posted; returns at once. */
  post(id: string, body: string): void {
    if (this.ending.signal.aborted) return;
    const message = { id, body, at: Date.now() };
    if (!this.enqueue(message, 0)) return;
    try {
      this.options.keepWaiting(message);
    } catch (error) {
      // On a full disk it waits in memory alone.
      this.options.log.warn({ host: this.url.host, error: messageOf(error) }, 'webhook not kept');
    }
    this.workOn();
  }

  stats(): WebhookStats {
    const { lastAt, lastError } = this;
    const waiting = this.queue.length + (this.working ? 1 : 0);
    return { url: placeOf(this.url), ...this.counts, waiting, lastAt, lastError };
  }

  /** Ends at once; what still waits is kept for the next start. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.working;
  }

  /** @param age milliseconds. @returns whether it waits now, and was not dropped itself. */
  private enqueue(message: WaitingMessage, age: number): boolean {
    const { id, body } = message;
    const bytes = Buffer.byteLength(body);
    if (bytes > MOST_WAITING_BYTES || age > this.options.keep) {
      this.drop(id);
      return false;
    }
    // The one on its way is not in the queue: it may be there in time.
    while (this.queue.length >= MOST_WAITING || this.queued + bytes > MOST_WAITING_BYTES) {
      const oldest = this.queue.shift()!;
      this.queued -= oldest.bytes;
      this.drop(oldest.id);
    }
    this.queue.push({ ...message, bytes, since: performance.now() - age });
    this.queued += bytes;
    return true;
  }

  private workOn(): void {
    if (this.queue.length === 0) return;
    this.working ??= this.work().finally(() => {
      this.working = undefined;
    });
  }

  private drop(id: string): void {
    this.counts.dropped += 1;
    this.settle(id);
  }

  private settle(id: string): void {
    try {
      this.options.done(id);
    } catch (error) {
      // It is sent once more after the next start, under the same id.
      this.options.log.warn({ host: this.url.host, error: messageOf(error) }, 'webhook stays kept');
    }
  }

  private async work(): Promise<void> {
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      this.queued -= next.bytes;
      await this.deliver(next);
      if (this.ending.signal.aborted) return;
    }
  }

  /** Tries until the message is taken, refused or too old. */
  private async deliver(message: Waiting): Promise<void> {
    const { log, keep } = this.options;
    const host = this.url.host;
    for (;;) {
      const outcome = await this.attempt(message);
      if ('done' in outcome) {
        if (this.lastError !== null) log.info({ host }, 'webhook works again');
        this.lastError = null;
        this.backoff.reset();
        this.counts.delivered += 1;
        this.settle(message.id);
        return;
      }
      if (this.ending.signal.aborted && 'failed' in outcome) {
        this.queue.unshift(message);
        return;
      }
      const reason = 'refused' in outcome ? outcome.refused : outcome.failed;
      if (this.lastError === null) log.warn({ host, reason }, 'webhook not delivered');
      this.lastError = reason;
      if ('refused' in outcome) {
        this.counts.refused += 1;
        this.settle(message.id);
        return;
      }
      const pause = Math.max(this.backoff.next(), outcome.pause ?? 0);
      const old = performance.now() - message.since + pause > keep;
      // The address rests all the same: the next message is no reason to ask it sooner.
      await this.rest(pause);
      if (this.ending.signal.aborted) {
        this.queue.unshift(message);
        return;
      }
      if (old) {
        this.drop(message.id);
        return;
      }
    }
  }

  private async attempt({ id, body, bytes }: Waiting): Promise<Outcome> {
    const { timeout, secret } = this.options;
    const late = AbortSignal.timeout(timeout);
    const signal = AbortSignal.any([this.ending.signal, late]);
    let url = this.url;
    for (let redirects = 0; ; redirects++) {
      let counted = false;
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'user-agent': 'Lichen',
            ...(this.authorization !== undefined && { authorization: this.authorization }),
            ...signedHeaders(id, body, Date.now(), secret),
          },
          body,
          redirect: 'manual',
          signal,
        });
        this.left(bytes);
        counted = true;
        const location = response.headers.get('location');
        const again = response.headers.get('retry-after');
        // What it says is of no use, and may be without end.
        await response.body?.cancel();
        const { status } = response;
        if (response.ok) return { done: true };
        if (status === 307 || status === 308) {
          const next = redirects < MOST_REDIRECTS ? sameHost(url, location) : undefined;
          if (!next)
            return { refused: `it redirects to ${placeOrNothing(location, url)}, which is not followed` };
          url = next;
          continue;
        }
        const text = `it answers ${status} ${response.statusText}`.trim();
        if (status >= 500 || [408, 425, 429].includes(status)) {
          const pause = pauseOf(again);
          return { failed: text, ...(pause !== undefined && { pause }) };
        }
        return { refused: text };
      } catch (error) {
        // fetch says why only in the cause.
        const cause = (error as Error).cause ?? error;
        const code = (cause as { code?: unknown }).code;
        if (!counted && !(typeof code === 'string' && NEVER_LEFT.has(code))) this.left(bytes);
        if (late.aborted) return { failed: `no answer within ${timeout / 1000} s` };
        return { failed: messageOf(cause) || String(code) };
      }
    }
  }

  private left(bytes: number): void {
    this.counts.attempts += 1;
    this.counts.bytes += bytes;
    this.lastAt = Date.now();
    this.options.sent(bytes);
  }

  private rest(ms: number): Promise<void> {
    const { signal } = this.ending;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }
}

/** An address as it may be shown: without user, password and query, where secrets stand. */
export function placeOf({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function placeOrNothing(location: string | null, from: URL): string {
  return location !== null && URL.canParse(location, from.href) ? new URL(location, from).host : 'nowhere';
}

/** Where a redirect leads, if to the same host and not out of encryption. */
function sameHost(from: URL, location: string | null): URL | undefined {
  if (location === null || !URL.canParse(location, from.href)) return undefined;
  const to = new URL(location, from);
  if (to.hostname !== from.hostname || to.username !== '') return undefined;
  if (to.protocol === from.protocol) return to.port === from.port ? to : undefined;
  return from.protocol === 'http:' && to.protocol === 'https:' ? to : undefined;
}

/** The pause that an answer asks for in seconds; milliseconds. */
function pauseOf(retryAfter: string | null): number | undefined {
  return retryAfter !== null && /^\d{1,9}$/.test(retryAfter)
    ? Math.min(LONGEST_PAUSE_MS, Number(retryAfter) * 1000)
    : undefined;
}
