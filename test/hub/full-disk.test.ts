import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstallView, PackView } from '../../src/hub/views.js';
import { generateKeys } from '../../src/pack/keys.js';
import { createPack } from '../../src/pack/pack.js';
import { Random } from '../../src/random.js';
import { canMount, fill } from '../full-disk.js';
import { until } from '../link/until.js';
import { spawnTypeScript, type TypeScriptProcess } from '../spawn-typescript.js';
import { HubFixture } from './hub-fixture.js';

const mountable = canMount();
const keys = generateKeys();
let hub: HubFixture;
let store: string;
let ballast: string;
let program: TypeScriptProcess | undefined;

beforeEach(() => {
  if (!mountable) return;
  hub = new HubFixture();
  store = join(hub.folder, 'small');
  ballast = join(store, 'ballast');
  mkdirSync(store);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'tmpfs', store]);
  hub.config = { ...hub.config, store };
});
afterEach(async () => {
  if (!mountable) return;
  program?.child.kill('SIGKILL');
  await program?.ended;
  execFileSync('umount', [store]);
  await hub.remove();
});

/** Starts the hub as a process, on the ports that it had before. */
async function start(): Promise<void> {
  program = spawnTypeScript(fileURLToPath(new URL('hub-process.ts', import.meta.url)), [
    JSON.stringify(hub.config),
  ]);
  const [mqtt, http] = (await program.line('ready')).split(' ').slice(1).map(Number);
  hub.config = {
    ...hub.config,
    mqtt: { ...hub.config.mqtt, port: mqtt! },
    http: { ...hub.config.http, port: http! },
  };
}

/** A signed pack whose adapter has so many bytes, which nothing compresses. */
function pack(version: number, bytes: number): Buffer {
  const random = new Random(version);
  const content = Uint8Array.from({ length: bytes }, () => random.int(256));
  const made = createPack(
    {
      task: 'tops',
      classes: ['shirt', 'coat'],
      isolation: 'piggyback',
      backbone: { name: 'efficientnet-lite0', sha256: 'ab'.repeat(32), split: 'block14.add' },
      version,
      requires: [],
      metrics: {},
      digest: 'cd'.repeat(32),
      createdAt: '2026-01-02T03:04:05.000Z',
    },
    content,
    keys.signing,
  );
  return Buffer.from(made);
}

const upload = (body: Buffer) =>
  hub.call('/api/packs', {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(body),
  });

const install = (pack: unknown) => hub.post('/api/devices/cam/install', { pack });

/** A connected device that takes packs. */
async function device(take: (pack: Buffer) => unknown): Promise<ReturnType<HubFixture['device']>> {
  const made = hub.device('cam');
  made.link.onRequest('install', (request) => {
    take(Buffer.from(request.pack!, 'base64'));
    return { task: 'tops' };
  });
  made.link.start();
  await until(async () => (await hub.get('/api/devices/cam')).body.state === 'online');
  return made;
}

const listed = async () =>
  (await hub.get('/api/packs')).body as unknown as { packs: PackView[]; installs: InstallView[] };

describe.skipIf(!mountable)(
  `a hub on a full disk${mountable ? '' : ' (skipped: this user may not mount a tmpfs)'}`,
  () => {
    it('says so, sends nothing that it cannot note, keeps what it has, and goes on when there is room', async () => {
      await start();
      const [small, large] = [pack(1, 2000), pack(2, 2 ** 21)];
      const { id } = (await upload(small)).body;
      const received: Buffer[] = [];
      const { link } = await device((bytes) => received.push(bytes));

      fill(ballast);
      const full = { status: 507, body: { error: { code: 'store-full' } } };
      for (let i = 0; i < 3; i++) expect(await upload(large)).toMatchObject(full);
      for (let i = 0; i < 5; i++) expect(await install(id)).toMatchObject(full);
      expect(received).toEqual([]);
      expect(await listed()).toMatchObject({ packs: [{ id, bytes: small.length }], installs: [] });
      expect((await hub.get('/healthz')).status).toBe(200);

      rmSync(ballast);
      expect((await upload(large)).status).toBe(201);
      await until(async () => (await hub.get('/api/devices/cam')).body.state === 'online');
      expect(await install(id)).toMatchObject({ status: 200, body: { state: 'answered' } });
      expect(received).toEqual([small]);
      await link.stop();

      // Nothing of it is lost with the process.
      program!.child.kill('SIGKILL');
      await program!.ended;
      await start();
      expect((await listed()).packs.map((p) => p.bytes)).toEqual([large.length, small.length]);
    });

    it('that is full before a device has answered lets the pack be sent again when there is room', async () => {
      hub.config = { ...hub.config, install: { attempts: 30, timeoutSeconds: 2 } };
      await start();
      const small = pack(1, 2000);
      const { id } = (await upload(small)).body;
      let first = true;
      await device(() => {
        if (first) fill(ballast);
        first = false;
      });
      expect(await install(id)).toMatchObject({ status: 504, body: { error: { code: 'request-timeout' } } });
      // Nobody waits any more, but that could not be noted.
      expect((await listed()).installs.map((i) => i.state)).toEqual(['sent']);
      rmSync(ballast);
      // The device was cut off, since what it said could not be kept, and comes back by itself.
      await until(async () => (await install(id)).body.state === 'answered');
      expect((await listed()).installs.map((i) => i.state)).not.toContain('sent');
    });
  },
);
