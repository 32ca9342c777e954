import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import type { InstallView, PackView } from '../../src/hub/views.js';
import { generateKeys, type SigningKey } from '../../src/pack/keys.js';
import { createPack, openPack } from '../../src/pack/pack.js';
import { adapter } from '../link/examples.js';
import { until } from '../link/until.js';
import { HubFixture } from './hub-fixture.js';

const keys = generateKeys();
const content = Buffer.from('what a task learned');
const sha256 = createHash('sha256').update(content).digest('hex');

let hub: HubFixture;

afterEach(async () => {
  await hub.remove();
});

async function started(settings: object = {}): Promise<void> {
  hub = new HubFixture(settings);
  await hub.start();
}

function pack(version = 4, key: SigningKey = keys.signing): Buffer {
  const made = createPack(
    {
      task: 'tops',
      classes: ['shirt', 'coat'],
      isolation: 'piggyback',
      backbone: { name: 'efficientnet-lite0', sha256: 'ab'.repeat(32), split: 'block14.add' },
      version,
      requires: [],
      metrics: { heldOutAccuracy: 0.95 },
      digest: 'cd'.repeat(32),
      createdAt: '2026-01-02T03:04:05.000Z',
    },
    content,
    key,
  );
  return Buffer.from(made);
}

function upload(body: Uint8Array): ReturnType<HubFixture['call']> {
  const headers = { 'content-type': 'application/octet-stream' };
  return hub.call('/api/packs', { method: 'POST', headers, body: new Uint8Array(body) });
}

async function listed(): Promise<{ packs: PackView[]; installs: InstallView[] }> {
  return (await hub.get('/api/packs')).body as unknown as { packs: PackView[]; installs: InstallView[] };
}

/** A connected device that handles `install` with this. */
async function device(
  name: string,
  install: (pack: Buffer) => unknown,
): Promise<ReturnType<HubFixture['device']>> {
  const made = hub.device(name);
  made.link.onRequest('install', (request) => install(Buffer.from(request.pack!, 'base64')));
  made.link.start();
  while ((await hub.get(`/api/devices/${name}`)).body.state !== 'online') {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return made;
}

describe('uploading a pack', () => {
  it('keeps it once, whole, over a restart of the hub', async () => {
    await started();
    const bytes = pack();
    const id = createHash('sha256').update(bytes).digest('hex');
    const { status, body } = await upload(bytes);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      id,
      bytes: bytes.length,
      verified: false,
      manifest: {
        task: 'tops',
        version: 4,
        signer: keys.signing.id,
        adapter: { sha256, bytes: content.length },
      },
    });
    await upload(bytes);
    await hub.stopHub();
    await hub.start();
    expect((await listed()).packs.map((one) => one.id)).toEqual([id]);
  });

  it('refuses what is no pack, broken, or newer', async () => {
    await started();
    const broken = pack();
    broken[broken.length - 70]! ^= 1;
    const newer = pack();
    newer.writeUInt32LE(2, 8);
    const wrong: [Uint8Array, string][] = [
      [Buffer.from('no pack'), 'pack-malformed'],
      [pack().subarray(0, -1), 'pack-malformed'],
      [broken, 'pack-tampered'],
      [newer, 'pack-unsupported'],
    ];
    for (const [bytes, code] of wrong) {
      expect(await upload(bytes)).toMatchObject({ status: 422, body: { error: { code } } });
    }
    expect(await hub.post('/api/packs', { pack: 'x' })).toMatchObject({
      body: { error: { code: 'body-invalid' } },
    });
    expect((await listed()).packs).toEqual([]);
  });

  it('takes only packs of trusted keys, where some are set', async () => {
    const folder = new HubFixture();
    const file = join(folder.folder, 'fleet.pem');
    writeFileSync(file, keys.trusted.publicKey.export({ format: 'pem', type: 'spki' }));
    await started({ trustedKeys: [file] });
    expect((await upload(pack())).body).toMatchObject({ verified: true });
    expect(await upload(pack(4, generateKeys().signing))).toMatchObject({
      status: 422,
      body: { error: { code: 'pack-untrusted' } },
    });
    await folder.remove();
  });

  it('does not start with a key that cannot be read', async () => {
    hub = new HubFixture({ trustedKeys: ['/nowhere/fleet.pem'] });
    await expect(hub.start()).rejects.toMatchObject({ code: 'key-unreadable' });
  });
});

describe('installing a pack', () => {
  it('succeeds when the device says that it serves it, and no sooner', async () => {
    await started();
    const { id } = (await upload(pack())).body;
    const received: Buffer[] = [];
    const { link } = await device('cam', (bytes) => {
      received.push(bytes);
      return { installed: true };
    });
    const { status, body } = await hub.post('/api/devices/cam/install', { pack: id });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      device: 'cam',
      task: 'tops',
      version: 4,
      state: 'answered',
      serving: false,
    });
    expect(openPack(received[0]!, [keys.trusted]).manifest.version).toBe(4);

    link.publish('adapter', { ...adapter, version: 4, sha256 });
    let installs: InstallView[] = [];
    while (!installs[0]?.serving) ({ installs } = await listed());
    expect(installs).toMatchObject([{ state: 'answered', serving: true, message: null }]);
    // Rolled back: what it says last counts.
    link.publish('adapter', { ...adapter, version: 3 });
    while (installs[0]?.serving) ({ installs } = await listed());
    expect(installs[0]).toMatchObject({ state: 'answered', serving: false });
  });

  it('that a device refuses is recorded with its reason, and is tried a bounded number of times', async () => {
    await started({ install: { attempts: 2 } });
    const { id } = (await upload(pack())).body;
    await device('cam', () => {
      throw new LichenError('pack-older', 'this device runs version 9 already.');
    });
    for (let attempt = 1; attempt <= 2; attempt++) {
      expect(await hub.post('/api/devices/cam/install', { pack: id })).toMatchObject({
        status: 422,
        body: { error: { code: 'device-refused', message: expect.stringContaining('runs version 9') } },
      });
    }
    expect(await hub.post('/api/devices/cam/install', { pack: id })).toMatchObject({
      status: 409,
      body: { error: { code: 'install-attempts-used' } },
    });
    const { installs } = await listed();
    expect(installs.map(({ state, serving, message }) => ({ state, serving, message }))).toEqual(
      Array(2).fill({ state: 'refused', serving: false, message: 'this device runs version 9 already.' }),
    );
    // Another pack has its own attempts.
    const other = (await upload(pack(5))).body.id;
    expect((await hub.post('/api/devices/cam/install', { pack: other })).status).toBe(422);
  });

  it('that is answered after the hub gave up waiting, or started again, is recorded all the same', async () => {
    await started({ install: { timeoutSeconds: 0.05 } });
    const { id } = (await upload(pack())).body;
    const answers: (() => void)[] = [];
    await device('cam', () => new Promise<void>((resolve) => answers.push(resolve)));
    expect((await hub.post('/api/devices/cam/install', { pack: id })).status).toBe(504);
    expect((await listed()).installs).toMatchObject([{ state: 'unanswered' }]);
    await hub.stopHub();
    await hub.start();
    await until(() => answers.length === 1);
    answers[0]!();
    while ((await listed()).installs[0]?.state !== 'answered')
      await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('is not sent twice at once, nor to devices that are away', async () => {
    await started();
    const { id } = (await upload(pack())).body;
    const answers: (() => void)[] = [];
    const { link } = await device('cam', () => new Promise<void>((resolve) => answers.push(resolve)));
    const first = hub.post('/api/devices/cam/install', { pack: id });
    await until(() => answers.length === 1);
    expect((await hub.post('/api/devices/cam/install', { pack: id })).body).toMatchObject({
      error: { code: 'install-running' },
    });
    answers[0]!();
    expect((await first).status).toBe(200);
    await link.stop();
    const refusals = [
      await hub.post('/api/devices/cam/install', { pack: id }),
      await hub.post('/api/devices/nobody/install', { pack: id }),
      await hub.post('/api/devices/cam/install', { pack: 'x' }),
      await hub.post('/api/devices/cam/install', {}),
    ];
    expect(refusals.map(({ body }) => (body.error as { code: string }).code)).toEqual([
      'device-offline',
      'device-unknown',
      'pack-unknown',
      'body-invalid',
    ]);
    expect((await listed()).installs).toHaveLength(1);
  });
});
