import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts } from '../../src/demo/folder.js';
import { webhookBodySchema } from '../../src/link/webhook-message.js';
import { until } from '../link/until.js';
import { WebhookServer } from '../link/webhook-server.js';
import { Running } from './programs.js';

let folder: string;
let server: WebhookServer;
let agent: Running;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lichen-webhooks-'));
  server = await new WebhookServer().start();
});
afterEach(async () => {
  if (agent?.alive) await agent.kill();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('what an address has not taken as the power fails is posted after the next start, once', async () => {
  const ports = await freePorts();
  // Two cameras that are not there: each is told of once.
  const camera = (name: string) => ({
    ...{ kind: 'snapshot', name, every: '1 s', retryMax: '1 h' },
    url: `http://127.0.0.1:${ports.http}/${name}.jpg`,
  });
  const start = () =>
    new Running('agent', join(folder, 'agent.yaml'), {
      store: join(folder, 'store'),
      mqtt: { url: `mqtt://127.0.0.1:${ports.mqtt}` },
      sources: [camera('door'), camera('yard')],
      webhooks: [{ url: server.url, on: ['source'], timeout: '10 min', secret: 'a secret of sixteen' }],
    });
  const bodies = () => server.posted.map(({ body }) => webhookBodySchema.parse(JSON.parse(body)));

  // The first message hangs in the address, the second waits behind it.
  server.answer = () => {};
  agent = start();
  await agent.until(
    () => ['door', 'yard'].every((name) => agent.log.includes(`${name}: `)) && server.posted.length === 1,
  );
  await agent.kill();
  const killed = new Date().toISOString();
  const [hanging] = bodies();

  server.answer = (response) => response.writeHead(204).end();
  agent = start();
  // What fails again after the start is told of, too.
  await agent.until(() => server.posted.length === 5);
  const after = bodies().slice(1);
  expect(after[0]).toEqual(hanging);
  expect(after.slice(0, 2).every(({ at }) => at < killed)).toBe(true);
  expect(after.slice(2).every(({ at }) => at > killed)).toBe(true);
  const sources = after.slice(0, 2).map((b) => 'event' in b && b.event.data?.source);
  expect(sources.sort()).toEqual(['door', 'yard']);
  expect(server.posted.every(({ headers }) => headers['webhook-signature'] !== undefined)).toBe(true);

  // What was delivered does not come again.
  await agent.stop();
  agent = start();
  await until(() => server.posted.length === 7);
  expect(new Set(bodies().map(({ id }) => id)).size).toBe(6);
});
