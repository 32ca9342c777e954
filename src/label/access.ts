import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import rateLimit from '@fastify/rate-limit';
import session from '@fastify/session';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { LichenError } from '../errors.js';
import type { ServedKind } from '../link/served.js';
import type { SessionView } from './api.js';
import { parsed } from './parsed.js';
import { type Passwords, SHORTEST } from './passwords.js';
import type { Sessions } from './sessions.js';

declare module 'fastify' {
  interface Session {
    /** The `stamp` of the password that was given: another one that is set since, be it beside the agent, ends the session. */
    password?: string;
  }
  interface FastifyContextConfig {
    /** Who may ask: everybody, or the owner who is logged in; with the device's token where nothing is said. */
    access?: 'everybody' | 'owner';
    /** As what the privacy ledger counts the answers; by `access` where nothing is said. */
    served?: ServedKind;
  }
}

export interface AccessOptions {
  device: string;
  version: string;
  passwords: Passwords;
  sessions: Sessions;
  /** Signs the cookies; 32 characters or more. */
  secret: string;
  /** Told when the first password has been set. */
  onFirst: () => void;
  /** Told when somebody was logged out. */
  onOut: () => void;
}

/** How long a browser stays logged in. */
export const SESSION_MS = 30 * 24 * 3600 * 1000;
const COOKIE = 'lichen';
/** Attempts to log in, from one address. */
const ATTEMPTS = { max: 10, timeWindow: '5 minutes' };

const EVERYBODY = { config: { access: 'everybody' } } as const;
const OWNER = { config: { access: 'owner' } } as const;
const password = z.object({ password: z.string() });
const newPassword = z.object({ before: z.string(), password: z.string() });

/**
 * Login: routes of the session, and the rule that whatever belongs to the owner needs one. To be registered before the
 * routes that it guards, in the same scope.
 */
export async function access(server: FastifyInstance, options: AccessOptions): Promise<void> {
  const { passwords, sessions, secret, onOut } = options;
  await server.register(cookie);
  await server.register(session, {
    secret,
    cookieName: COOKIE,
    store: sessions,
    // A cookie that is sent anew with every request would be written to the card each time.
    rolling: false,
    saveUninitialized: false,
    cookie: { path: '/', httpOnly: true, sameSite: 'strict', secure: 'auto', maxAge: SESSION_MS },
  });
  await server.register(csrf, { sessionPlugin: '@fastify/session' });
  await server.register(rateLimit, { global: false });

  // Before the body is read: a stranger's is nobody's business.
  server.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.access === 'owner' && !isOpen(request, passwords)) {
      throw new LichenError('unauthorized', 'Log in to see this.');
    }
  });
  server.addHook('preHandler', (request, reply, done) => {
    const { config } = request.routeOptions;
    if (config.access !== 'owner' || request.method === 'GET' || request.method === 'HEAD') return done();
    server.csrfProtection(request, reply, done);
  });

  server.get('/api/session', EVERYBODY, (request, reply) => viewOf(request, reply, options));

  server.post(
    '/api/session/first',
    { config: { access: 'everybody', rateLimit: ATTEMPTS } },
    async (request, reply) => {
      if (passwords.isSet)
        throw new LichenError('password-set', 'A password is set already; log in with it.');
      if (!isFromHere(request)) {
        throw new LichenError(
          'not-from-here',
          "The first password can be set from the device itself only: open the page there (or through 'ssh -L'), or run 'lichen password' on it.",
        );
      }
      await passwords.set(parsed(password, request.body).password);
      await open(request, passwords);
      options.onFirst();
      return viewOf(request, reply, options);
    },
  );

  server.post(
    '/api/session',
    { config: { access: 'everybody', rateLimit: ATTEMPTS } },
    async (request, reply) => {
      if (!(await passwords.check(parsed(password, request.body).password))) {
        throw new LichenError('password-wrong', 'This is not the password.');
      }
      await open(request, passwords);
      return viewOf(request, reply, options);
    },
  );

  server.post(
    '/api/session/password',
    { config: { access: 'owner', rateLimit: ATTEMPTS } },
    async (request, reply) => {
      const { before, password } = parsed(newPassword, request.body);
      if (!(await passwords.check(before))) {
        throw new LichenError('password-wrong', 'The password so far is another one.');
      }
      await passwords.set(password);
      sessions.clear();
      onOut();
      await open(request, passwords);
      return viewOf(request, reply, options);
    },
  );

  server.delete('/api/session', OWNER, async (request, reply) => {
    await request.session.destroy();
    onOut();
    return reply.status(204).send();
  });
}

/** A session of its own for every login: one that was planted before is worth nothing. */
async function open(request: FastifyRequest, { stamp }: Passwords): Promise<void> {
  await request.session.regenerate();
  if (stamp !== undefined) request.session.password = stamp;
}

/** Whether who asks gave the password that holds now. */
function isOpen({ session }: FastifyRequest, passwords: Passwords): boolean {
  return session.password !== undefined && session.password === passwords.stamp;
}

function viewOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { device, version, passwords }: AccessOptions,
): SessionView {
  const open = isOpen(request, passwords);
  return {
    state: open ? 'open' : passwords.isSet ? 'locked' : 'first',
    ...(open && { csrf: reply.generateCsrf() }),
    local: isFromHere(request),
    shortest: SHORTEST,
    device,
    version,
  };
}

/** Whether a request comes from the device itself, and by its own name: not through a name that points here. */
function isFromHere(request: FastifyRequest): boolean {
  const address = request.socket.remoteAddress ?? '';
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  return (
    /^(::ffff:)?127\.|^::1$/.test(address) &&
    (['localhost', '[::1]'].includes(host) || /^127\.\d+\.\d+\.\d+$/.test(host))
  );
}
