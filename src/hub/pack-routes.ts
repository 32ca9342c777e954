import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { z } from 'zod';
import { LichenError } from '../errors.js';
import { checkedId } from '../link/topics.js';
import { MAX_PACK_BYTES } from '../pack/pack.js';
import { parseBody } from './api.js';
import type { InstallLog } from './install-log.js';
import type { Installs } from './installs.js';
import type { Live } from './live.js';
import type { Packs } from './packs.js';

const installBody = z.strictObject({ pack: z.string() });
const LISTED_INSTALLS = 200;

interface PackParts {
  packs: Packs;
  installs: Installs;
  installLog: InstallLog;
  live: Live;
  /** Packs that may be uploaded at the same time. */
  uploads: number;
}

/** The routes about packs: upload, list, send one to a device. */
export function packRoutes(server: FastifyInstance, parts: PackParts): void {
  const { packs, installs, installLog, live, uploads } = parts;

  // Of any length where packs are uploaded, and nowhere else.
  server.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );

  server.get('/api/packs', () => ({ packs: packs.list(), installs: installLog.list(LISTED_INSTALLS) }));

  const upload = { bodyLimit: MAX_PACK_BYTES, onRequest: atMost(uploads) };
  server.post('/api/packs', upload, ({ body }, reply) => {
    if (!Buffer.isBuffer(body)) {
      throw new LichenError('body-invalid', 'Send the pack itself as the body, as application/octet-stream.');
    }
    const pack = packs.add(body, Date.now());
    live.packsChanged();
    return reply.status(201).send(pack);
  });

  server.post<{ Params: { id: string } }>('/api/devices/:id/install', async ({ params, body }) => {
    const device = checkedId('device', params.id);
    const { pack } = parseBody(installBody, body);
    try {
      return await installs.send(pack, device);
    } finally {
      live.packsChanged();
    }
  });
}

/** Lets so many requests in at the same time; a further one is refused before its body is read. */
function atMost(count: number): onRequestHookHandler {
  let now = 0;
  return (_request, reply, done) => {
    if (now >= count) {
      done(new LichenError('hub-busy', `${count} packs are being uploaded already; try again in a while.`));
      return;
    }
    now++;
    reply.raw.once('close', () => now--);
    done();
  };
}
