import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { HTTP_LIMITS, newHttpServer } from '../../src/hub/http.js';
import { MAX_PACK_BYTES } from '../../src/pack/pack.js';
import { until } from '../link/until.js';
import { HubFixture } from './hub-fixture.js';

let hub: HubFixture;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await hub?.remove();
});

/** A connection to the hub that has sent this and goes on, with what comes back. */
async function holding(
  text: string,
): Promise<{ socket: Socket; answered: () => string; ended: Promise<void> }> {
  const socket = connect(hub.config.http.port, '127.0.0.1');
  sockets.push(socket);
  let answer = '';
  socket.setEncoding('utf8').on('data', (data: string) => {
    answer += data;
  });
  socket.on('error', () => {});
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(text);
  return { socket, answered: () => answer, ended };
}

const upload = (length: number) =>
  `POST /api/packs HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: ${length}\r\n\r\n`;

const post = (path: string, body: Buffer) =>
  hub.call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(body),
  });

it('ends a request whose body comes a byte at a time, and goes on', async () => {
  hub = new HubFixture();
  await hub.start({ ...HTTP_LIMITS, requestMs: 500 });
  const { socket, answered, ended } = await holding(upload(1000));
  const dripping = setInterval(() => socket.write('x'), 50);
  await ended;
  clearInterval(dripping);
  expect(answered()).toMatch(/^HTTP\/1.1 408 /);
  const header = await holding('GET /healthz HTTP/1.1\r\nhost: x\r\n');
  await header.ended;
  expect(header.answered()).toMatch(/^HTTP\/1.1 408 /);
  expect((await hub.get('/healthz')).status).toBe(200);
});

it('takes so many uploads at a time, refuses a further one unread, and takes it when there is room', async () => {
  hub = new HubFixture();
  await hub.start({ ...HTTP_LIMITS, uploads: 2 });
  const held = [await holding(upload(1000)), await holding(upload(1000))];
  // Both are at their bodies once the hub refuses a third.
  await until(async () => (await post('/api/packs', Buffer.from('no pack'))).status === 503);
  expect((await post('/api/packs', Buffer.from('no pack'))).body).toMatchObject({
    error: { code: 'hub-busy' },
  });
  // What is no upload is served meanwhile.
  expect((await hub.get('/api/packs')).status).toBe(200);
  held[0]!.socket.destroy();
  await until(async () => (await post('/api/packs', Buffer.from('no pack'))).status === 422);
  held[1]!.socket.write('x'.repeat(1000));
  await until(() => held[1]!.answered().startsWith('HTTP/1.1 422 '));
});

it('closes connections beyond their number, and takes new ones when others have ended', async () => {
  hub = new HubFixture();
  await hub.start({ ...HTTP_LIMITS, connections: 3 });
  const held = [await holding('GET'), await holding('GET'), await holding('GET')];
  const further = await holding('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  await further.ended;
  expect(further.answered()).toBe('');
  for (const { socket, ended } of held) {
    socket.destroy();
    await ended;
  }
  await until(async () => (await hub.get('/healthz').catch(() => undefined))?.status === 200);
});

it('takes long bodies where packs are uploaded, and nowhere else', async () => {
  hub = new HubFixture();
  await hub.start();
  const long = await holding(
    `POST /api/devices/cam/install HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: ${MAX_PACK_BYTES}\r\n\r\n`,
  );
  await until(() => long.answered().startsWith('HTTP/1.1 413 '));
  expect((await post('/api/packs', Buffer.alloc(2 * 2 ** 20))).body).toMatchObject({
    error: { code: 'pack-malformed' },
  });
});

it('has limits by default', async () => {
  const server = newHttpServer(pino({ level: 'silent' }), HTTP_LIMITS);
  await server.ready();
  expect(server.server.requestTimeout).toBe(300_000);
  expect(server.server.headersTimeout).toBe(60_000);
  expect(server.server.maxConnections).toBe(512);
  await server.close();
});
