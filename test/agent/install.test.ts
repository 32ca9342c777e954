import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeTask } from '../../src/agent/close-task.js';
import { installPack } from '../../src/agent/install.js';
import { trainTask } from '../../src/agent/train-task.js';
import { decodeAdapter, encodeAdapter } from '../../src/learn/adapter.js';
import { generateKeys } from '../../src/pack/keys.js';
import { createPack, MAX_ADAPTER_BYTES, type PackContent } from '../../src/pack/pack.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import type { Version } from '../../src/store/versions.js';
import { Observer } from '../link/observer.js';
import { until } from '../link/until.js';
import { Daemon } from './daemon.js';
import { latentsOf, type Photograph, photographs, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, Rooms } from './rooms.js';

const TRAINED = { version: 1, heldOutAccuracy: null, instantAccuracy: null };
const folder = mkdtempSync(join(tmpdir(), 'lichen-install-'));
const keys = generateKeys();
const strangers = generateKeys();
let bedrock: Bedrock;
/** What the device that makes the packs trained. */
let made: { version: Version; adapter: Uint8Array };
/** Its pictures' latents, the held-out ones among them. */
let pictures: Photograph[];
let latents: Uint8Array[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal'].flatMap((label) => splitPhotographs(label, 5, 2));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
  const rooms = await Rooms.open(bedrock, join(folder, 'maker'));
  await rooms.keep('goods', pictures, latents);
  const { engine, backbone } = bedrock;
  const training = rooms.samples('goods').filter((s) => !s.heldOut);
  const { version } = await trainTask(
    engine,
    backbone,
    rooms.store,
    rooms.store.tasks.require('goods'),
    training,
    {
      isolation: 'piggyback',
      rehearsal: 'none',
      learner: { epochs: 2, batch: 8, seed: 1, threads: 1 },
    },
  );
  made = { version, adapter: rooms.store.versions.adapter(version.id) };
  await rooms.close();
});
afterAll(async () => {
  await bedrock.trunk.close();
  rmSync(folder, { recursive: true, force: true });
});

function content(change: Partial<PackContent> = {}): PackContent {
  const { task, classes, isolation, digest, number } = made.version;
  return {
    task,
    classes: [...classes],
    isolation,
    backbone: bedrock.backbone.id,
    version: number,
    requires: [],
    metrics: {},
    digest: digest!,
    createdAt: '2026-08-01T12:00:00.000Z',
    ...change,
  };
}

const pack = (change: Partial<PackContent> = {}, adapter = made.adapter, key = keys.signing) =>
  createPack(content(change), adapter, key);

/** The pack with some of its bytes changed. */
function altered(bytes: Uint8Array, change: (copy: Buffer) => void): Uint8Array {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

describe('on a store', () => {
  let rooms: Rooms;
  let opened = 0;
  const open = async () => {
    rooms = await Rooms.open(bedrock, join(folder, `device-${opened++}`));
  };
  afterEach(() => rooms.close());

  const install = (bytes: Uint8Array) =>
    installPack(bedrock.engine, bedrock.backbone, rooms.store, rooms.memory, [keys.trusted], bytes);
  /** Everything that an install may change. */
  const state = () => ({
    tasks: rooms.store.tasks.list(),
    versions: rooms.store.tasks.list().map((t) => rooms.store.versions.list(t.name)),
    runs: rooms.store.tasks.list().map((t) => rooms.store.versions.history(t.name)),
  });

  it('installs on a device that never saw a label: the very bits of the answers travel', async () => {
    await open();
    const installed = await install(pack());
    expect(installed).toMatchObject({ task: 'goods', promoted: true, accuracy: null, sameDigest: true });
    expect(installed.version).toMatchObject({
      number: 1,
      source: 'pack',
      sha256: made.version.sha256,
      digest: made.version.digest,
    });
    expect(rooms.store.versions.current('goods')?.id).toBe(installed.version.id);
    const recognizer = new Recognizer(bedrock.engine, bedrock.backbone, rooms.store);
    const answers = await recognizer.classify(latents, 'goods');
    expect(answers.map((a) => a.label)).toEqual(pictures.map((p) => p.label));
    await recognizer.close();
  });

  it('judges by its own held-out samples against what it runs, be that the instant answer', async () => {
    await open();
    await rooms.keep('goods', pictures, latents);
    rooms.discriminants.save();
    // Classes in the other order under the same outputs: every answer is wrong.
    const wrong = [...made.version.classes].reverse();
    const swapped = swappedAdapter(wrong);
    const bad = await install(pack({ version: 2, classes: wrong }, swapped));
    expect(bad).toMatchObject({ promoted: false, accuracy: 0 });
    expect(bad.reason).toBe('pack: 0.0 % on 4 held-out samples, the instant answer 100.0 %');
    expect(rooms.store.versions.current('goods')).toBeUndefined();
    const good = await install(pack({ version: 3 }));
    expect(good).toMatchObject({ promoted: true, accuracy: 1 });
    const worse = await install(pack({ version: 4, classes: wrong }, swapped));
    expect(worse).toMatchObject({ promoted: false });
    expect(worse.reason).toContain('version 3 100.0 %');
    expect(rooms.store.versions.current('goods')?.number).toBe(3);
    expect(rooms.store.versions.numbered('goods', 4)?.state).toBe('candidate');
  });

  it('installs a pack again that it has and does not run: after a rollback, or a crash before the judgement', async () => {
    await open();
    const first = await install(pack());
    rooms.store.versions.promote('goods', null, 'as if it had never been promoted');
    const again = await install(pack());
    expect(again.version.id).toBe(first.version.id);
    expect(rooms.store.versions.current('goods')?.id).toBe(first.version.id);
    expect(rooms.store.versions.list('goods')).toHaveLength(1);
    await expect(install(pack())).rejects.toMatchObject({ code: 'pack-already-current' });
    // Another adapter under the same number is another version.
    rooms.store.versions.promote('goods', null, 'to get past the comparison of numbers');
    const other = swappedAdapter(made.version.classes, 0.5);
    await expect(install(pack({}, other))).rejects.toMatchObject({ code: 'version-number-taken' });
  });

  it('refuses what does not fit, and changes nothing', async () => {
    await open();
    await install(pack({ version: 5 }));
    await rooms.keep('closed', pictures.slice(0, 4), latents.slice(0, 4));
    await closeTask(bedrock.engine, bedrock.backbone, rooms.store, 'closed');
    const before = state();
    const { backbone } = bedrock;
    const whole = pack({ version: 6 });
    const refused: [string, Uint8Array, string, RegExp][] = [
      [
        'a flipped bit',
        altered(whole, (b) => (b[b.length >> 1]! ^= 1)),
        'pack-tampered',
        /changed after it was signed/,
      ],
      [
        'a flipped bit in the signature',
        altered(whole, (b) => (b[b.length - 1]! ^= 1)),
        'pack-tampered',
        /signature/,
      ],
      [
        'a foreign key',
        pack({ version: 6 }, made.adapter, strangers.signing),
        'pack-untrusted',
        /not trusted here/,
      ],
      ['an older version', pack({ version: 4 }), 'pack-older', /runs version 5/],
      ['the same version', pack({ version: 5 }), 'pack-already-current', /exactly this version/],
      [
        'another backbone',
        pack({ version: 6, backbone: { ...backbone.id, sha256: 'ab'.repeat(32) } }),
        'pack-foreign-backbone',
        /this device runs/,
      ],
      [
        'another split',
        pack({ version: 6, backbone: { ...backbone.id, split: 'block12.add' } }),
        'pack-foreign-backbone',
        /block12\.add/,
      ],
      ['half a pack', whole.subarray(0, whole.length >> 1), 'pack-malformed', /announces/],
      ['nothing', new Uint8Array(0), 'pack-malformed', /begin as a pack/],
      [
        'no pack',
        Buffer.from('a letter to the device, longer than a head'),
        'pack-malformed',
        /begin as a pack/,
      ],
      ['a newer format', altered(whole, (b) => b.writeUInt32LE(2, 8)), 'pack-unsupported', /Update Lichen/],
      [
        'an announced adapter that is too large',
        altered(whole, (b) => b.writeUInt32LE(MAX_ADAPTER_BYTES + 1, 24)),
        'pack-malformed',
        /which is too much/,
      ],
      ['lost classes', pack({ version: 6, classes: ['bag', 'boot'] }), 'pack-lost-classes', /'sandal'/],
      ['a signed adapter that is none', pack({ version: 6 }, Buffer.from('noise')), 'adapter-', /./],
      [
        'a signed adapter of other classes',
        pack({ version: 6, classes: ['bag', 'sandal', 'boot'] }),
        'pack-malformed',
        /not the one its manifest describes/,
      ],
      [
        'a missing column',
        pack({ version: 6, requires: [{ task: 'none', version: 1, sha256: 'cd'.repeat(32) }] }),
        'pack-missing-requirement',
        /not on this device/,
      ],
      ['a closed task', pack({ task: 'closed' }), 'pack-task-closed', /closed on this device/],
    ];
    for (const [what, bytes, code, message] of refused) {
      const error = await install(bytes).then(
        () => new Error('it was installed'),
        (e: unknown) => e,
      );
      expect(error, what).toMatchObject({
        code: expect.stringContaining(code),
        message: expect.stringMatching(message),
      });
      expect(state(), what).toEqual(before);
    }
  });

  it('refuses a real file that is too large without taking it apart', async () => {
    await open();
    const huge = Buffer.alloc(MAX_ADAPTER_BYTES + 2_000_000);
    huge.set(pack());
    await expect(install(huge)).rejects.toMatchObject({ code: 'pack-malformed' });
    expect(state().tasks).toEqual([]);
  });
});

describe('over MQTT', () => {
  it('installs what is signed, refuses the rest with an event, and goes on', async () => {
    const key = join(folder, 'trusted.pem');
    writeFileSync(key, keys.trusted.publicKey.export({ format: 'pem', type: 'spki' }));
    const daemon = await Daemon.start(join(folder, 'daemon'), { packs: { trustedKeys: [key] } });
    const send = (bytes: Uint8Array) =>
      daemon.ask('install', { pack: Buffer.from(bytes).toString('base64') });
    const [bag] = photographs('bag', 1, { part: 'test' });
    try {
      const bad = altered(pack(), (b) => (b[b.length - 70]! ^= 4));
      expect((await send(bad)).error.code).toBe('pack-tampered');
      expect((await send(pack({}, made.adapter, strangers.signing))).error.code).toBe('pack-untrusted');
      expect(daemon.agent.openTasks()).toEqual([]);
      const good = await send(pack());
      expect(good).toMatchObject({
        status: 'ok',
        data: {
          task: 'goods',
          version: 1,
          promoted: true,
          sameDigest: true,
          sha256: made.version.sha256,
          digest: made.version.digest,
        },
      });
      expect((await send(pack())).error.code).toBe('pack-already-current');
      expect(await daemon.event('pack-installed')).toMatchObject({ data: { task: 'goods' } });
      expect(daemon.events('pack-refused').map((e) => e.data.code)).toEqual([
        'pack-tampered',
        'pack-untrusted',
        'pack-already-current',
      ]);
      expect(daemon.observer.on('lichen/v1/cam/adapter/goods').at(-1)).toMatchObject({
        version: 1,
        sha256: made.version.sha256,
      });
      const { data } = await daemon.ask('classify', { task: 'goods', file: bag!.file });
      expect(data).toMatchObject({ label: 'bag', version: 1 });
    } finally {
      await daemon.stop();
    }
  });
});

describe('where the device asks its owner first', () => {
  const key = join(folder, 'asking.pem');
  const settings = {
    packs: { trustedKeys: [key], install: 'ask' },
    homeAssistant: { enabled: true },
  };
  const send = (daemon: Daemon, bytes: Uint8Array) =>
    daemon.ask('install', { pack: Buffer.from(bytes).toString('base64') });
  const offers = (daemon: Daemon) => daemon.agent.metrics().offers!;
  beforeAll(() => {
    writeFileSync(key, keys.trusted.publicKey.export({ format: 'pem', type: 'spki' }));
  });

  it('keeps what is signed, over a restart, and installs it when it is told to', async () => {
    const store = join(folder, 'asking');
    let daemon = await Daemon.start(store, settings);
    expect(offers(daemon)).toEqual([]);
    const bad = altered(pack(), (b) => (b[b.length - 70]! ^= 4));
    expect((await send(daemon, bad)).error.code).toBe('pack-tampered');
    expect(await daemon.event('pack-refused')).toMatchObject({ data: { code: 'pack-tampered' } });
    expect((await daemon.ask('install', { task: 'goods' })).error.code).toBe('offer-unknown');
    expect(offers(daemon)).toEqual([]);

    const offered = await send(daemon, pack({ metrics: { heldOutAccuracy: 0.75 } }));
    expect(offered).toMatchObject({ status: 'ok', data: { task: 'goods', version: 1, offered: true } });
    expect(daemon.agent.store.tasks.list()).toEqual([]);
    expect(await daemon.event('pack-offered')).toMatchObject({ data: { task: 'goods', version: 1 } });
    const { sha256 } = made.version;
    expect(offers(daemon)).toMatchObject([
      { task: 'goods', version: 1, sha256, accuracy: 0.75, installing: false },
    ]);
    await daemon.stop();

    daemon = await Daemon.start(store, settings);
    expect(offers(daemon)).toMatchObject([{ task: 'goods', version: 1, accuracy: 0.75 }]);
    // A newer one takes its place.
    await send(daemon, pack({ version: 3 }));
    expect(offers(daemon)).toMatchObject([{ task: 'goods', version: 3, accuracy: null }]);
    const home = await Observer.at(daemon.broker.url);
    await home.client.subscribeAsync('homeassistant/device/#', { qos: 1 });
    const topic = 'homeassistant/device/lichen_cam/config';
    type Discovery = { components: Record<string, { command_topic: string; payload_install: string }> };
    await until(() => (home.on(topic).at(-1) as unknown as Discovery)?.components.goods_update !== undefined);
    // The press of the button in Home Assistant.
    const { goods_update } = (home.on(topic).at(-1) as unknown as Discovery).components;
    const { transaction } = JSON.parse(goods_update!.payload_install);
    daemon.send('install', goods_update!.payload_install);
    expect(await daemon.response('install', transaction)).toMatchObject({
      status: 'ok',
      data: { task: 'goods', version: 3, promoted: true, sha256 },
    });
    expect(offers(daemon)).toEqual([]);
    expect(readdirSync(join(store, 'offers'))).toEqual([]);
    expect(daemon.agent.store.versions.current('goods')?.number).toBe(3);
    // The next press is another request.
    await until(() => {
      const { components } = home.on(topic).at(-1) as unknown as Discovery;
      return components.goods_update!.payload_install !== goods_update!.payload_install;
    });
    await home.stop();
    await daemon.stop();
  });

  it('drops what may not be installed any more: outrun, or damaged on the disk', async () => {
    const store = join(folder, 'outrun');
    let daemon = await Daemon.start(store, settings);
    await send(daemon, pack({ version: 2 }));
    await daemon.agent.packs.installOffered('goods');
    await send(daemon, pack({ version: 4 }));
    await send(daemon, pack({ task: 'other', version: 1 }));
    expect(offers(daemon).map((o) => [o.task, o.version])).toEqual([
      ['goods', 4],
      ['other', 1],
    ]);
    // What the task runs goes past what was offered.
    const { store: kept } = daemon.agent;
    const before = kept.versions.current('goods')!;
    const { task, isolation, classes, requires, metrics, digest } = before;
    const newer = kept.versions.add({
      ...{ task, isolation, classes, requires, metrics, digest, number: 5, source: 'trained' },
      adapter: kept.versions.adapter(before.id),
    });
    kept.versions.promote('goods', newer.id, 'as a training would');
    await daemon.agent.runs('goods', 'promoted', 'a newer one', TRAINED);
    expect(offers(daemon).map((o) => o.task)).toEqual(['other']);
    await daemon.stop();

    const file = join(store, 'offers', 'other.pack');
    writeFileSync(
      file,
      altered(readFileSync(file), (b) => (b[b.length >> 1]! ^= 1)),
    );
    daemon = await Daemon.start(store, settings);
    expect(offers(daemon)).toEqual([]);
    expect(readdirSync(join(store, 'offers'))).toEqual([]);
    await daemon.stop();
  });
});

/** The adapter with its head's classes named otherwise and its logits scaled, as another signer might send it. */
function swappedAdapter(classes: readonly string[], scale = 1): Uint8Array {
  const adapter = decodeAdapter(made.adapter);
  const { head } = adapter;
  return encodeAdapter({
    ...adapter,
    head: {
      ...head,
      classes,
      weight: head.weight.map((w) => w * scale),
      bias: head.bias.map((b) => b * scale),
    },
  });
}
