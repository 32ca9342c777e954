import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../src/store/store.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { contextFor } from './context.js';
import { scene } from './scenes.js';
import { type Started, startSource } from './started.js';

const scratch = scratchFolder();
let store: Store;
let context: ReturnType<typeof contextFor>;
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let door: Started | undefined;
let asked: IncomingMessage['headers'][];

beforeEach(async () => {
  store = openStore(scratch.path('store'));
  context = contextFor(store);
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.headers);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await door?.source.stop();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  store.close();
});

async function start(settings: Record<string, unknown> = {}, login = ''): Promise<Started> {
  const url = `http://${login}127.0.0.1:${(server.address() as AddressInfo).port}/snapshot.jpg`;
  door = await startSource(
    { kind: 'snapshot', url, every: '50 ms', retryMax: '500 ms', ...settings },
    context,
  );
  return door;
}

describe('a camera that gives its newest picture at an address', () => {
  it('is asked again and again, with user and password, and for what is new only', async () => {
    const pictures = [await scene(0), await scene(1)];
    answer = (request, response) => {
      const which = asked.length < 5 ? 0 : 1;
      if (request.headers['if-none-match'] === `"${which}"`) response.writeHead(304).end();
      else response.writeHead(200, { etag: `"${which}"` }).end(pictures[which]);
    };
    const { delivered, count, status } = await start({ headers: { 'x-key': 'k' } }, 'me:p%40ss@');
    await count(2);
    await until(() => asked.length >= 8);
    expect(delivered.map((d) => d.bytes)).toEqual(pictures);
    expect(status()).toMatchObject({ frames: 2, restarts: 0 });
    const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(asked.every((h) => h.authorization === basic && h['x-key'] === 'k')).toBe(true);
  });

  it('that fails is asked later and later, told once with the reason, and works again', async () => {
    const picture = await scene(0);
    let state: 'broken' | 'silent' | 'endless' | 'well' = 'broken';
    answer = (_, response) => {
      if (state === 'broken') response.writeHead(503).end('no');
      else if (state === 'endless') response.writeHead(200).end(Buffer.alloc(200_000));
      else if (state === 'well') response.writeHead(200).end(picture);
    };
    const { status, count } = await start({ stall: '300 ms', maxBytes: '100 kB' });
    await until(() => status().restarts >= 2);
    expect(status().lastError).toMatch(/snapshot\.jpg answers 503/);
    state = 'silent';
    await until(() => status().lastError === 'no picture within 0.3 s');
    state = 'endless';
    await until(() => /answers more than 100000 bytes/.test(status().lastError ?? ''));
    state = 'well';
    await count(1);
    expect(context.reports).toHaveLength(2);
  });

  it('that is not there is said to be', async () => {
    answer = () => {};
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`;
    await new Promise<void>((resolve) => other.close(() => resolve()));
    door = await startSource({ kind: 'snapshot', url, every: '50 ms' }, context);
    await until(() => door!.status().restarts >= 1);
    expect(door.status().lastError).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/x is not reachable: .*ECONNREFUSED/);
  });

  it('is given up in the middle when the source is stopped', async () => {
    answer = () => {};
    const { source } = await start({ stall: '1 h' });
    await until(() => asked.length >= 1);
    await source.stop();
  });
});
