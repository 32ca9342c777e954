import { timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { LichenError, messageOf } from '../errors.js';
import type { AgentConfig } from './config.js';

/** Statuses of the errors that a device's routes throw; what else a request's sender did is 400. */
const STATUS: Readonly<Record<string, number>> = {
  unauthorized: 401,
  'cross-origin': 403,
  'task-closed': 409,
};

/**
 * The device's web server, without routes yet; sources and pages register theirs. Everything but /healthz needs the
 * token, as `Authorization: Bearer <token>`.
 */
export function newDeviceServer(token: string, log: Logger): FastifyInstance {
  const server = Fastify({ forceCloseConnections: true });

  server.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    // A browser names the page that a request comes from; another site's page has no business here.
    const { origin, host, authorization } = request.headers;
    if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)) {
      throw new LichenError('cross-origin', `Requests from ${origin} are refused.`);
    }
    if (request.routeOptions.url === '/healthz') return;
    if (!isSame(authorization ?? '', `Bearer ${token}`)) {
      throw new LichenError(
        'unauthorized',
        "Send the header 'Authorization: Bearer <http.token of the device>'.",
      );
    }
  });

  server.setErrorHandler((error: Error & { statusCode?: number; code?: string }, request, reply) => {
    if (error instanceof LichenError) {
      const { code, message } = error;
      return reply.status(STATUS[code] ?? 400).send({ error: { code, message } });
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

  server.get('/healthz', () => ({ status: 'ok' }));
  return server;
}

/** Starts to listen. @throws LichenError `port-unavailable`. @returns the port. */
export async function listenOn(
  server: FastifyInstance,
  { host, port }: Pick<AgentConfig['http'], 'host' | 'port'>,
): Promise<number> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw new LichenError(
      'port-unavailable',
      `The device's HTTP server cannot listen on ${host}:${port} (${messageOf(error)}). Stop what uses the port, or set http.host and http.port.`,
      { cause: error },
    );
  }
  return (server.server.address() as AddressInfo).port;
}

/** Compares in a time that does not tell how much was right. */
function isSame(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}
