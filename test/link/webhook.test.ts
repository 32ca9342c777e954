import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sealed } from '../../src/label/sealed.js';
import { Webhook, type WebhookOptions } from '../../src/link/webhook.js';
import { signedHeaders } from '../../src/link/webhook-message.js';
import { WebhookQueue } from '../../src/link/webhook-queue.js';
import { keyFileOf, openStore, type Store } from '../../src/store/store.js';
import { scratchFolder } from '../store/scratch.js';
import { until } from './until.js';
import { WebhookServer } from './webhook-server.js';

const ADDRESS = 'http://me:geheim@home/hook';
const scratch = scratchFolder();
let server: WebhookServer;
let store: Store;
let queue: WebhookQueue;
let hook: Webhook;
let left: number[];

beforeEach(async () => {
  server = await new WebhookServer().start();
  openQueue();
  left = [];
});
afterEach(async () => {
  await hook?.stop();
  await server.stop();
  store.close();
});

/** What waits, as an agent opens it. */
function openQueue(): void {
  const folder = scratch.path('store');
  store = openStore(folder);
  queue = new WebhookQueue(store.database, new Sealed(store.settings, keyFileOf(folder)));
}

function open(options: Partial<WebhookOptions> = {}): Webhook {
  hook = new Webhook({
    url: server.url,
    timeout: 60_000,
    keep: 600_000,
    retry: { minMs: 5, maxMs: 40 },
    seed: 1,
    waiting: queue.load([ADDRESS]).get(ADDRESS)!,
    keepWaiting: (message) => queue.keep(ADDRESS, message),
    done: (id) => queue.done(id),
    sent: (bytes) => left.push(bytes),
    log: pino({ level: 'silent' }),
    ...options,
  });
  return hook;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const bodyOf = (n: number) => JSON.stringify({ n, text: 'größer' });

describe('a signature', () => {
  it("is that of the specification's published example", () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const headers = signedHeaders(
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      '{"test": 2432232314}',
      1_614_265_330_000,
      secret,
    );
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('is not there without a secret, and is of the secret as it is where it is no base64', () => {
    expect(signedHeaders('a', '{}', 0, undefined)).toEqual({ 'webhook-id': 'a', 'webhook-timestamp': '0' });
    // printf 'a.0.{}' | openssl dgst -sha256 -hmac 'a secret of sixteen' -binary | base64
    const { 'webhook-signature': signature } = signedHeaders('a', '{}', 0, 'a secret of sixteen');
    expect(signature).toBe('v1,iyvLsFDOTpwwJPdi03lndmjJI9Mox6knl2Herj1cDV4=');
  });
});

describe('an address', () => {
  it('gets every message once, in order, as JSON, and all bytes are counted', async () => {
    open({ secret: 'a secret of sixteen' });
    for (let n = 0; n < 20; n++) hook.post(`id-${n}`, bodyOf(n));
    await until(() => hook.stats().delivered === 20);
    expect(server.posted.map((p) => JSON.parse(p.body).n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    const { headers } = server.posted[3]!;
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': 'id-3' });
    expect(headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
    expect(hook.stats()).toMatchObject({ attempts: 20, bytes: server.bytes, dropped: 0, refused: 0 });
    expect(sum(left)).toBe(server.bytes);
    expect(hook.stats().lastError).toBeNull();
  });

  it('that fails gets the same message again, under the same id, until it takes it', async () => {
    server.answer = (response, index) => response.writeHead(index < 3 ? 503 : 200).end('a long text');
    open();
    hook.post('first', bodyOf(1));
    hook.post('second', bodyOf(2));
    await until(() => hook.stats().delivered === 2);
    expect(server.posted.map((p) => p.headers['webhook-id'])).toEqual([
      ...['first', 'first', 'first', 'first', 'second'],
    ]);
    // Sent again counts again.
    expect(hook.stats()).toMatchObject({ attempts: 5, bytes: server.bytes });
    expect(sum(left)).toBe(server.bytes);
  });

  it('that hangs is given up after the timeout, and is served when it comes back', async () => {
    server.answer = () => {};
    open({ timeout: 50 });
    hook.post('only', bodyOf(1));
    await until(() => hook.stats().lastError !== null);
    expect(hook.stats().lastError).toBe('no answer within 0.05 s');
    server.answer = (response) => response.writeHead(204).end();
    await until(() => hook.stats().delivered === 1);
  });

  it('that sends an answer without end is cut off', async () => {
    let sending = true;
    server.answer = (response) => {
      response.on('close', () => {
        sending = false;
      });
      response.writeHead(200);
      response.write('x'.repeat(65_536));
    };
    open();
    hook.post('only', bodyOf(1));
    await until(() => hook.stats().delivered === 1 && !sending);
  });

  it('that is away gets what waited when it is back; what never left is not counted', async () => {
    open();
    await server.stop();
    hook.post('a', bodyOf(1));
    hook.post('b', bodyOf(2));
    await until(() => hook.stats().lastError?.includes('ECONNREFUSED') === true);
    expect(left).toEqual([]);
    await server.start();
    await until(() => hook.stats().delivered === 2);
    expect(server.posted.map((p) => p.headers['webhook-id'])).toEqual(['a', 'b']);
    expect(sum(left)).toBe(server.bytes);
  });

  it('that cuts the connection is tried again', async () => {
    server.answer = (response, index) => (index === 0 ? response.destroy() : response.writeHead(200).end());
    open();
    hook.post('a', bodyOf(1));
    await until(() => hook.stats().delivered === 1);
    expect(server.posted).toHaveLength(2);
    expect(sum(left)).toBe(server.bytes);
  });

  it('that says no is not asked again', async () => {
    server.answer = (response, index) => response.writeHead(index === 0 ? 404 : 200).end();
    open();
    hook.post('a', bodyOf(1));
    hook.post('b', bodyOf(2));
    await until(() => hook.stats().delivered === 1);
    expect(hook.stats()).toMatchObject({ refused: 1, attempts: 2 });
  });

  it('that asks for a pause gets it', async () => {
    server.answer = (response, index) => {
      response.writeHead(index === 0 ? 429 : 200, { 'retry-after': '1' }).end();
    };
    open();
    const begun = performance.now();
    hook.post('a', bodyOf(1));
    await until(() => hook.stats().delivered === 1);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(990);
  });
});

describe('redirects', () => {
  it('to the same host are followed, with the same body', async () => {
    server.answer = (response, index) =>
      index === 0 ? response.writeHead(307, { location: '/moved' }).end() : response.writeHead(200).end();
    open();
    hook.post('a', bodyOf(1));
    await until(() => hook.stats().delivered === 1);
    expect(server.posted.map((p) => p.path)).toEqual(['/hook', '/moved']);
    expect(server.posted[1]!.body).toBe(bodyOf(1));
    expect(sum(left)).toBe(server.bytes);
  });

  it('to another host, another port and in a circle are not', async () => {
    const other = await new WebhookServer().start();
    for (const location of [other.url, `http://localhost:${server.port}/hook`, server.url]) {
      server.answer = (response) => response.writeHead(308, { location }).end();
      open();
      hook.post('a', bodyOf(1));
      await until(() => hook.stats().refused === 1);
      expect(hook.stats().lastError).toContain('which is not followed');
      await hook.stop();
    }
    expect(other.posted).toEqual([]);
    await other.stop();
  });
});

describe('what waits', () => {
  it('is bounded in number and bytes: the oldest gives way, and is counted', async () => {
    server.answer = () => {};
    open();
    for (let n = 0; n < 250; n++) hook.post(`id-${n}`, bodyOf(n));
    // One is on its way.
    expect(hook.stats()).toMatchObject({ waiting: 101, dropped: 149 });
    const large = JSON.stringify({ text: 'x'.repeat(60_000) });
    for (let n = 0; n < 10; n++) hook.post(`large-${n}`, large);
    expect(hook.stats().waiting).toBeLessThan(6);
    hook.post('too large', JSON.stringify({ text: 'x'.repeat(300_000) }));
    const { dropped, waiting } = hook.stats();
    expect(dropped + waiting).toBe(261);
    await hook.stop();
    expect(hook.stats()).toMatchObject({ waiting, dropped, delivered: 0 });
    expect(queue.load([ADDRESS]).get(ADDRESS)).toHaveLength(waiting);
  });

  it('is given up when it is too old', async () => {
    server.answer = (response) => response.writeHead(500).end();
    open({ keep: 0 });
    hook.post('a', bodyOf(1));
    hook.post('b', bodyOf(2));
    await until(() => hook.stats().dropped === 2);
    expect(server.posted).toHaveLength(2);
  });

  it('does not keep a stop waiting, neither in an attempt nor between two', async () => {
    server.answer = () => {};
    open();
    hook.post('a', bodyOf(1));
    await until(() => server.posted.length === 1);
    await hook.stop();
    server.answer = (response) => response.writeHead(500).end();
    open({ retry: { minMs: 3_600_000, maxMs: 3_600_000 } });
    hook.post('b', bodyOf(2));
    await until(() => hook.stats().lastError !== null);
    await hook.stop();
    expect(hook.stats()).toMatchObject({ waiting: 2, dropped: 0 });
    hook.post('c', bodyOf(3));
    expect(hook.stats().waiting).toBe(2);
  });

  it('is sent after the next start, in order and under the same ids, and before what comes then', async () => {
    server.answer = (response) => response.writeHead(503).end();
    open({ retry: { minMs: 3_600_000, maxMs: 3_600_000 } });
    for (const [n, id] of ['a', 'b'].entries()) hook.post(id, bodyOf(n));
    await until(() => server.posted.length === 1);
    await hook.stop();
    store.close();
    openQueue();
    server.answer = (response) => response.writeHead(204).end();
    open();
    hook.start();
    hook.post('c', bodyOf(2));
    await until(() => hook.stats().delivered === 3);
    expect(server.posted.map((p) => [p.headers['webhook-id'], p.body])).toEqual([
      ['a', bodyOf(0)],
      ...['a', 'b', 'c'].map((id, n) => [id, bodyOf(n)]),
    ]);
    expect(queue.load([ADDRESS]).get(ADDRESS)).toEqual([]);
  });

  it('is sealed on the disk, and deleted where it is too old, damaged or for no address any more', async () => {
    const waits = () =>
      store.database
        .prepare<{ id: string; content: Uint8Array }>('SELECT id, content FROM webhook_waiting')
        .all();
    const at = Date.now();
    for (const id of ['a', 'b', 'c']) queue.keep(ADDRESS, { id, body: bodyOf(1), at });
    queue.keep('http://other/', { id: 'd', body: bodyOf(1), at });
    queue.keep(ADDRESS, { id: 'old', body: bodyOf(1), at: at - 3_600_000 });
    for (const { content } of waits()) {
      expect(Buffer.from(content).toString('latin1')).not.toMatch(/geheim|text|home/);
    }
    store.database.prepare("UPDATE webhook_waiting SET content = zeroblob(99) WHERE id = 'a'").run();
    // What is sealed for one message opens for no other.
    store.database
      .prepare(
        "UPDATE webhook_waiting SET content = (SELECT content FROM webhook_waiting WHERE id = 'c') WHERE id = 'b'",
      )
      .run();
    open();
    expect(hook.stats()).toMatchObject({ waiting: 1, dropped: 1 });
    expect(waits().map(({ id }) => id)).toEqual(['c']);
  });
});

describe('an address with user, password and query', () => {
  it('is authorized by them, and is shown without them', async () => {
    open({ url: `http://me:my%20word@127.0.0.1:${server.port}/hook?key=secret` });
    hook.post('a', bodyOf(1));
    await until(() => hook.stats().delivered === 1);
    const { headers, path } = server.posted[0]!;
    expect(headers.authorization).toBe(`Basic ${Buffer.from('me:my word').toString('base64')}`);
    expect(path).toBe('/hook?key=secret');
    expect(hook.stats().url).toBe(`http://127.0.0.1:${server.port}/hook`);
  });

  it('is tried again where something that is no web server listens', async () => {
    const silent = createServer((socket) => socket.end('no HTTP\r\n'));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    open({ url: `http://127.0.0.1:${(silent.address() as { port: number }).port}/` });
    hook.post('a', bodyOf(1));
    await until(() => hook.stats().attempts >= 2);
    await hook.stop();
    silent.close();
  });
});
