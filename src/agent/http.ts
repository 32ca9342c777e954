import { timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { ConfigInvalid } from '../config/load.js';
import { LichenError, messageOf } from '../errors.js';
import { isFromOtherSite, securityHeaders } from '../http-security.js';
import '../label/access.js';
import type { CountServed } from '../link/served.js';

/** Statuses of the errors that a device's routes throw; what else a request's sender did is 400. */
const STATUS: Readonly<Record<string, number>> = {
  unauthorized: 401,
  'cross-origin': 403,
  'not-from-here': 403,
  'password-wrong': 403,
  'settings-read-only': 403,
  'picture-gone': 404,
  'question-gone': 404,
  'sample-gone': 404,
  'setting-unknown': 404,
  'task-unknown': 404,
  'password-set': 409,
  'recording-busy': 409,
  'rollback-nothing': 409,
  'sample-known': 409,
  'settings-changed': 409,
  'task-closed': 409,
  'task-exists': 409,
  'undo-other': 409,
  'password-not-kept': 500,
  'password-unreadable': 500,
  'replay-write-failed': 507,
  'settings-not-kept': 507,
  'store-full': 507,
};

/** What the device's own disk refused is not the sender's fault: the same request may do later. */
const statusOf = (code: string): number => STATUS[code] ?? (code.startsWith('store-') ? 500 : 400);

/** The page makes pictures itself, of charts and of what it has fetched. */
const HEADERS = securityHeaders("'self' blob: data:");

/** The largest body of a route that says nothing else: strangers' bodies are read before a route refuses them. */
const MAX_BODY_BYTES = 64 * 1024;
/** A request that has not come whole by then is ended; milliseconds. */
const REQUEST_MS = 300_000;

/** Where the server listens while nobody needs a password. */
const LOOPBACK = '127.0.0.1';

/**
 * The device's web server, without routes yet; sources and the page register theirs. What a route says nothing of needs
 * the token, as `Authorization: Bearer <token>`; the page's own routes need a login.
 * @param served counts every answer's body
 */
export function newDeviceServer(
  token: string | undefined,
  served: CountServed,
  log: Logger,
): FastifyInstance {
  const server = Fastify({
    forceCloseConnections: true,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
  });

  server.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    // A browser names the page that a request comes from; another site's page has no business here.
    if (isFromOtherSite(request.headers)) {
      throw new LichenError('cross-origin', `Requests from ${request.headers.origin} are refused.`);
    }
    if (request.routeOptions.config.access !== undefined || request.is404) return;
    if (token === undefined) {
      throw new LichenError('unauthorized', "This needs 'http.token' in the device's settings.");
    }
    if (!isSame(request.headers.authorization ?? '', `Bearer ${token}`)) {
      throw new LichenError(
        'unauthorized',
        "Send the header 'Authorization: Bearer <http.token of the device>'.",
      );
    }
  });

  server.addHook('onSend', async (request, _, payload) => {
    const { access, served: kind } = request.routeOptions.config;
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? Buffer.byteLength(payload) : 0;
    const posted = access === undefined && !request.is404;
    if (request.method !== 'HEAD') {
      served(kind ?? (posted ? 'post-answer' : 'page'), request.socket.remoteAddress, bytes);
    }
    return payload;
  });

  server.setErrorHandler((error: Error & { statusCode?: number; code?: string }, request, reply) => {
    if (error instanceof LichenError) {
      const { code, message } = error;
      const problems = error instanceof ConfigInvalid ? { problems: error.problems } : {};
      const status = statusOf(code);
      if (status >= 500) log.error({ url: request.url, error: message }, 'HTTP request failed');
      return reply.status(status).send({ error: { code, message, ...problems } });
    }
    // What fastify itself refuses, such as a body that is too large.
    const status = error.statusCode ?? 500;
    if (status < 500)
      return reply.status(status).send({ error: { code: 'request-invalid', message: error.message } });
    log.error({ url: request.url, error: messageOf(error) }, 'HTTP request failed');
    return reply
      .status(500)
      .send({ error: { code: 'internal', message: 'The device could not do this; its log says why.' } });
  });

  server.setNotFoundHandler((request, reply) =>
    reply.status(404).send({ error: { code: 'not-found', message: `There is nothing at ${request.url}.` } }),
  );

  server.get('/healthz', { config: { access: 'everybody' } }, () => ({ status: 'ok' }));
  return server;
}

/** Where a device's server listens: for the device itself alone, until a password or a token keeps strangers out. */
export class Listening {
  private readonly server: FastifyInstance;
  private readonly config: { host: string; port: number };
  private readonly log: Logger;
  private host = LOOPBACK;

  constructor(server: FastifyInstance, config: { host: string; port: number }, log: Logger) {
    this.server = server;
    this.config = config;
    this.log = log;
  }

  /** The port that it listens on. */
  get port(): number | undefined {
    return (this.server.server.address() as AddressInfo | null)?.port;
  }

  /** @param guarded whether strangers are kept out. @throws LichenError `port-unavailable` */
  async start(guarded: boolean): Promise<void> {
    const { host, port } = this.config;
    if (guarded) this.host = host;
    try {
      await this.server.listen({ host: this.host, port });
    } catch (error) {
      throw new LichenError(
        'port-unavailable',
        `The device's HTTP server cannot listen on ${this.host}:${port} (${messageOf(error)}). Stop what uses the port, or set http.host and http.port.`,
        { cause: error },
      );
    }
    this.log.info({ host: this.host, port: this.port }, 'HTTP server listens');
  }

  /** Ends every connection. */
  async stop(): Promise<void> {
    await this.server.close();
  }

  /** Listens for everybody from now on: strangers are kept out. Connections that are open stay. */
  open(): void {
    const { host } = this.config;
    const { port } = this;
    if (this.host === host || port === undefined) return;
    this.host = host;
    const { server } = this.server;
    server.close();
    server.once('error', (error) => {
      this.log.error({ host, port, error: messageOf(error) }, 'HTTP server cannot listen there');
      this.host = LOOPBACK;
      server.listen(port, LOOPBACK);
    });
    server.listen(port, host, () => this.log.info({ host, port }, 'HTTP server listens'));
  }
}

/** Compares in a time that does not tell how much was right. */
function isSame(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}
