import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { LichenError } from '../errors.js';
import { isVerb } from '../link/schemas.js';
import { checkedId } from '../link/topics.js';
import type { DeviceViews } from './device-views.js';
import type { History } from './history.js';
import type { Live } from './live.js';
import { prometheusText } from './prometheus.js';
import type { Rejections } from './rejections.js';
import type { Requests } from './requests.js';

export interface ApiParts {
  views: DeviceViews;
  history: History;
  rejections: Rejections;
  requests: Requests;
  live: Live;
}

const MAX_SECONDS = 3600;
const requestBody = z.looseObject({
  /** How long the hub waits for the device's answer. */
  timeoutSeconds: z.number().positive().max(MAX_SECONDS).default(30),
});

/** The routes about devices, their requests, the live stream and the hub's own health. */
export function deviceRoutes(server: FastifyInstance, parts: ApiParts): void {
  const { views, history, rejections, requests, live } = parts;

  server.get('/healthz', () => ({ status: 'ok', ...views.totals() }));

  server.get('/metrics', (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return prometheusText(views.totals(), views.all());
  });

  server.get('/api/devices', () => ({
    devices: views.all(),
    totals: views.totals(),
    rejections: rejections.list(),
  }));

  server.get<{ Params: { id: string } }>('/api/devices/:id', ({ params }) => {
    const device = views.one(checkedId('device', params.id));
    if (device === undefined) throw unknownDevice(params.id);
    return {
      ...device,
      events: history.events(100, device.device),
      results: Object.fromEntries(
        device.tasks.map(({ task }) => [task, history.results(device.device, task, 100)]),
      ),
    };
  });

  server.get('/api/events', (_request, reply: FastifyReply) => {
    reply.hijack();
    live.serve(reply.raw);
  });

  server.post<{ Params: { id: string; verb: string } }>(
    '/api/devices/:id/request/:verb',
    async ({ params, body }) => {
      const device = checkedId('device', params.id);
      if (!isVerb(params.verb)) {
        throw new LichenError('verb-unknown', `There is no request ${JSON.stringify(params.verb)}.`);
      }
      const { timeoutSeconds, ...fields } = parseBody(requestBody, body ?? {});
      const answer = await requests.send(device, params.verb, fields, timeoutSeconds * 1000);
      if (answer.status === 'ok') return { transaction: answer.transaction, data: answer.data };
      const { code, message } = answer.error;
      throw new LichenError('device-refused', `${device} refused ${params.verb}: ${message} (${code})`);
    },
  );
}

/** @throws LichenError `body-invalid`. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    (issue) => `${issue.path.map(String).join('.') || 'body'}: ${issue.message}`,
  );
  throw new LichenError('body-invalid', `The request's body does not fit. ${issues.join('; ')}.`);
}

export function unknownDevice(device: string): LichenError {
  return new LichenError('device-unknown', `No device named ${device} has reported to this hub.`);
}
