import type { FastifyInstance } from 'fastify';

export function pageRoutes(server: FastifyInstance): void {
  server.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send('<!doctype html>'));
}
