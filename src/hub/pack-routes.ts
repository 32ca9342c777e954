import type { FastifyInstance } from 'fastify';
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
}

/** The routes about packs: upload, list, send one to a device. */
export function packRoutes(server: FastifyInstance, parts: PackParts): void {
  const { packs, installs, installLog, live } = parts;

  server.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer', bodyLimit: MAX_PACK_BYTES },
    (_request, body, done) => done(null, body),
  );

  server.get('/api/packs', () => ({ packs: packs.list(), installs: installLog.list(LISTED_INSTALLS) }));

  server.post('/api/packs', { bodyLimit: MAX_PACK_BYTES }, ({ body }, reply) => {
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
