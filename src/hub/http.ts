import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { LichenError } from '../errors.js';
import { isFromOtherSite, securityHeaders } from '../http-security.js';
import { apiFailure } from './api-errors.js';
import type { HubConfig } from './config.js';

const HEADERS = securityHeaders();

/** What the hub's web server bears of its clients at once; it has no login. */
export interface HttpLimits {
  /** A request that has not come whole by then is ended; milliseconds. */
  requestMs: number;
  /** Connections beyond are closed at once. */
  connections: number;
  /** Packs that are uploaded at the same time: each is in memory until it has come whole. */
  uploads: number;
}

export const HTTP_LIMITS: HttpLimits = { requestMs: 300_000, connections: 512, uploads: 4 };

/** How often node looks for requests that take too long, unless less is allowed; milliseconds. */
const CHECK_MS = 30_000;

/** A web server without routes yet: headers, errors, limits and the defence against other sites' scripts. */
export function newHttpServer(log: Logger, { requestMs, connections }: HttpLimits): FastifyInstance {
  const server = Fastify({
    forceCloseConnections: true,
    requestTimeout: requestMs,
    http: {
      headersTimeout: Math.min(60_000, requestMs),
      connectionsCheckingInterval: Math.min(CHECK_MS, requestMs),
    },
  });
  server.server.maxConnections = connections;

  server.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    // A browser names the page that a request comes from; another site's page must not command devices.
    if (request.method !== 'GET' && isFromOtherSite(request.headers)) {
      const { origin } = request.headers;
      throw new LichenError('cross-origin', `Requests from ${origin} are refused; use the hub's own page.`);
    }
  });

  server.setErrorHandler((error: Error, request, reply) => {
    const failure = apiFailure(error);
    if (failure === undefined) log.error({ url: request.url, error }, 'HTTP request failed');
    // The hub's own disk is its operator's matter, who may not be the one that asked.
    else if (failure.error.code.startsWith('store-'))
      log.error({ url: request.url, error: failure.error.message }, 'HTTP request failed');
    const { status, error: told } = failure ?? {
      status: 500,
      error: { code: 'internal', message: 'The hub could not do this; its log says why.' },
    };
    return reply.status(status).send({ error: told });
  });

  server.setNotFoundHandler((request, reply) =>
    reply.status(404).send({ error: { code: 'not-found', message: `There is nothing at ${request.url}.` } }),
  );

  return server;
}

/** Starts to listen. @throws LichenError `port-unavailable`. @returns the port. */
export async function listen(server: FastifyInstance, { host, port }: HubConfig['http']): Promise<number> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw new LichenError(
      'port-unavailable',
      `The HTTP server cannot listen on ${host}:${port} (${error instanceof Error ? error.message : String(error)}). Stop what uses the port, or set http.host and http.port.`,
      { cause: error },
    );
  }
  return (server.server.address() as AddressInfo).port;
}
