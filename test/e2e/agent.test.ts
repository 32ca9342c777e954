import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { verifyStore } from '../../src/agent/verify.js';
import { Backbone } from '../../src/backbone/backbone.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { HubClient } from '../../src/cli/hub-client.js';
import { freePorts, type Ports } from '../../src/demo/folder.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { hubMigrations } from '../../src/hub/schema.js';
import type { MetricsBody } from '../../src/link/schemas.js';
import { Random } from '../../src/random.js';
import { openDatabase } from '../../src/store/database.js';
import { openStore } from '../../src/store/store.js';
import { type Photograph, photographs } from '../agent/pictures.js';
import { canMount, fill } from '../full-disk.js';
import { DeviceFolder } from './device-folder.js';
import { lichen } from './lichen.js';
import { type Running, startHub } from './programs.js';

const CLASSES = ['bag', 'sandal', 'trouser'];
const scratch = mkdtempSync(join(tmpdir(), 'lichen-agent-e2e-'));
const started: Running[] = [];
const devices: DeviceFolder[] = [];
let ports: Ports;
let hubs = 0;

beforeEach(async () => {
  ports = await freePorts();
});
afterEach(async () => {
  for (const program of started.splice(0)) if (program.alive) await program.kill();
  for (const device of devices.splice(0)) device.remove();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Pictures of every class in turn. */
function labelled(count: number, from = 0): Photograph[] {
  const byClass = CLASSES.map((label) => photographs(label, count, { from }));
  return byClass[0]!.flatMap((_, i) => byClass.map((pictures) => pictures[i]!));
}

function newDevice(settings: Record<string, unknown> = {}, capBytes?: number): DeviceFolder {
  const device = new DeviceFolder(`mqtt://127.0.0.1:${ports.mqtt}`, settings, capBytes);
  devices.push(device);
  return device;
}

function start(device: DeviceFolder): Running {
  const program = device.start();
  started.push(program);
  return program;
}

async function hub(folder = join(scratch, `hub-${hubs++}`)) {
  const running = await startHub(folder, ports);
  started.push(running.program);
  return { ...running, folder };
}

/** What a hub wrote down of a device, in the order in which it took it. */
function written(folder: string, device = 'cam') {
  const database = openDatabase(join(folder, 'hub.db'), hubMigrations, { readOnly: true });
  try {
    return {
      events: database
        .prepare<{ boot: number; seq: number; kind: string; data: string }>(
          "SELECT boot, seq, kind, data FROM events WHERE origin = 'device' AND device = ? ORDER BY id",
        )
        .all(device)
        .map((e) => ({ ...e, data: JSON.parse(e.data) as Record<string, unknown> })),
      results: database
        .prepare<{ sample: string; source: string }>(
          'SELECT sample, source FROM results WHERE device = ? ORDER BY id',
        )
        .all(device),
    };
  } finally {
    database.close();
  }
}

/** What a device answers about itself, once the hub sees it online. */
async function online(client: HubClient, agent: Running): Promise<MetricsBody> {
  await agent.until(async () => (await client.device('cam'))?.state === 'online');
  return client.request<MetricsBody>('cam', 'status');
}

/** Runs an agent that is expected to end by itself. */
async function agentWith(settings: object, uid?: number) {
  const file = join(scratch, 'refused.yaml');
  chmodSync(scratch, 0o755);
  writeFileSync(file, stringify({ mqtt: { url: 'mqtt://127.0.0.1:9' }, ...settings }));
  return lichen(['agent', '--config', file], { uid });
}

/** Crashes: every second one comes in the middle of a training. */
const CRASHES = 7;

describe('SIGKILL at any moment', () => {
  it('loses nothing that was acknowledged, and leaves whole versions', async () => {
    const random = new Random(1);
    const { client, folder } = await hub();
    // Long enough that the last kill comes before its training ends: labels must be left for the end.
    const device = newDevice({ learn: { newLabels: 20, epochs: 40, batch: 8 } });
    const engine = new OrtEngine();
    const backbone = await Backbone.open(defaultManifest(), engine);
    const pictures = labelled(40);
    const waiting = [...pictures];
    let acknowledged = new Map<string, string | null>();
    let trainedInTheMiddle = 0;
    const inTraining = Math.floor(CRASHES / 2);
    for (let crash = 0; crash < CRASHES; crash++) {
      const agent = start(device);
      // Half of the crashes come while pictures come, wherever the program is then; half during a training.
      if (crash % 2 === 0) {
        const until = Date.now() + 500 + 4000 * random.next();
        while (Date.now() < until) {
          // Enough are left for the trainings that are still to be interrupted.
          const spare = waiting.length - 20 * (inTraining - trainedInTheMiddle);
          device.label('goods', waiting.splice(0, Math.max(0, Math.min(3, spare))));
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      } else {
        device.label('goods', waiting.splice(0, 20));
        await agent.logged('training-started');
        await new Promise((resolve) => setTimeout(resolve, 1500 * random.next()));
        trainedInTheMiddle++;
      }
      await agent.kill();
      const kept = device.inspect();
      const ids = kept.refs.map((r) => r.id);
      expect(new Set(ids).size).toBe(ids.length);
      // What was acknowledged stays acknowledged, and every acknowledged sample is there.
      const now = new Map(kept.seen.map((s) => [s.path, s.sample]));
      for (const [path, sample] of acknowledged) expect(now.get(path)).toBe(sample);
      for (const sample of now.values()) expect(ids).toContain(sample);
      expect(device.slabBytes()).toBeLessThanOrEqual(device.capBytes);
      acknowledged = now;
      if (existsSync(join(device.root, 'copy', 'agent.db'))) {
        const store = openStore(join(device.root, 'copy'));
        for (const v of await verifyStore(engine, backbone, store)) expect(v.problem).toBeNull();
        store.close();
      }
    }
    expect(trainedInTheMiddle).toBe(inTraining);
    const agent = start(device);
    device.label('goods', waiting.splice(0));
    await agent.until(() => device.look().seen.length === pictures.length);
    // The labels that no training took in are still known to be new: it starts by itself.
    await agent.until(() => /"kind":"(promoted|candidate-kept)"/.test(agent.log));
    expect(await agent.stop()).toBe(0);
    const kept = device.inspect();
    expect(kept.refs.map((r) => r.id)).toEqual(pictures.map((p) => p.id).sort());
    expect(kept.rejects).toBe(0);
    // Each training sample is in the instant answer exactly once.
    expect(kept.discriminants).toEqual({ goods: kept.refs.filter((r) => !r.heldOut).length });
    const checked = JSON.parse((await lichen(['verify', '--store', device.store, '--json'])).out);
    expect(checked.ok).toBe(true);
    const { events } = written(folder);
    expect(events.map((e) => [e.boot, e.seq])).toEqual(
      [...events.map((e) => [e.boot, e.seq])].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!),
    );
    expect((await client.device('cam'))?.state).toBe('offline');
  });

  it('never takes more of the disk than the cap, however often it is killed', async () => {
    const random = new Random(3);
    const device = newDevice({}, 400 * 1024);
    const pictures = labelled(25);
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, device.slabBytes());
    }, 5);
    const waiting = [...pictures];
    while (waiting.length > 0) {
      const agent = start(device);
      await agent.until(() => existsSync(join(device.store, 'replay.slab')));
      device.label('goods', waiting.splice(0, 15));
      const enough = device.look().seen.length + 1 + Math.floor(14 * random.next());
      await agent.until(() => device.look().seen.length >= enough);
      await agent.kill();
    }
    const agent = start(device);
    await agent.until(() => device.look().seen.length === pictures.length);
    expect(await agent.stop()).toBe(0);
    clearInterval(watching);
    const { refs } = device.inspect();
    expect(most).toBeGreaterThan(300_000);
    expect(most).toBeLessThanOrEqual(device.capBytes);
    expect(refs.length).toBeGreaterThan(20);
    expect(refs.length).toBeLessThan(pictures.length);
    // The cap is shared fairly: no class pushed another out.
    const of = (label: string) => refs.filter((r) => r.label === label).length;
    const counts = CLASSES.map(of);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(6);
  });
});

describe('a broker that comes and goes', () => {
  it('gets every event and result once and in order, over three of its crashes', async () => {
    let running = await hub();
    const { folder } = running;
    const device = newDevice();
    const agent = start(device);
    device.label('goods', labelled(4));
    await agent.until(() => device.look().seen.length === 12);
    const good = CLASSES.flatMap((label) => photographs(label, 10, { part: 'test' }));
    const broken: string[] = [];
    const shown: string[] = [];
    for (const [i, { bytes }] of good.entries()) {
      shown.push(device.show(`good-${i}.png`, bytes));
      broken.push(device.show(`broken-${i}.png`, bytes.subarray(0, 40 + i)));
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (i % 10 === 3) {
        await agent.until(() => written(folder).events.length > i);
        await running.program.kill();
      }
      // Some of them came while there was no broker.
      if (i % 10 === 8) {
        if (i === 18) await agent.until(() => device.look().outbox >= 3);
        running = await hub(folder);
      }
    }
    await agent.until(() => device.look().seen.length === 12 + 60 && device.look().outbox === 0);
    await agent.until(() => written(folder).results.length >= 30);
    const { events, results } = written(folder);
    const places = events.map((e) => e.seq);
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    expect(new Set(events.map((e) => e.boot)).size).toBe(1);
    const setAside = events.filter((e) => e.kind === 'picture-set-aside').map((e) => e.data.path);
    expect(setAside.length).toBe(broken.length);
    expect(new Set(setAside)).toEqual(new Set(broken));
    expect(results.map((r) => r.source).sort()).toEqual([...shown].sort());
    const status = await online(running.client, agent);
    expect(status.outbox.dropped).toBe(0);
    expect(await agent.stop()).toBe(0);
  });

  it('is not needed: without one at its start the agent learns, and reports later', async () => {
    const device = newDevice({ learn: { newLabels: 20, epochs: 1 } });
    const agent = start(device);
    device.label('goods', labelled(8));
    await agent.until(() => /"kind":"(promoted|candidate-kept)"/.test(agent.log));
    const [bag] = photographs('bag', 1, { part: 'test' });
    device.show('bag.png', bag!.bytes);
    await agent.until(() => device.look().seen.length === 25);
    const { client, folder } = await hub();
    await agent.until(() => written(folder).results.length === 1 && device.look().outbox === 0);
    const { events, results } = written(folder);
    expect(events.map((e) => e.kind)).toEqual([
      'training-started',
      expect.stringMatching(/^(promoted|candidate-kept)$/),
    ]);
    expect(results[0]).toMatchObject({ sample: bag!.id });
    expect(await online(client, agent)).toMatchObject({ tasks: [{ task: 'goods', samples: 24 }] });
    expect(await agent.stop()).toBe(0);
    await agent.until(async () => (await client.device('cam'))?.state === 'offline').catch(() => {});
    expect((await client.device('cam'))?.state).toBe('offline');
  });

  it('is shared by two devices with one id: both go on, and the hub says what is wrong', async () => {
    const { client, folder } = await hub();
    const [one, two] = [newDevice(), newDevice()];
    const agents = [start(one), start(two)];
    one.label('goods', labelled(3));
    two.label('goods', labelled(3, 3));
    const changes = async () =>
      ((await client.device('cam'))?.events ?? []).filter((e) => e.kind === 'store-changed');
    await agents[0]!.until(async () => (await changes()).length >= 2);
    expect((await changes())[0]).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining('two devices have this id; give each its own device.id'),
    });
    // What each keeps is not touched by that.
    await agents[0]!.until(() => one.look().seen.length === 9);
    await agents[1]!.until(() => two.look().seen.length === 9);
    for (const agent of agents) expect(agent.alive).toBe(true);
    for (const agent of agents) expect(await agent.stop()).toBe(0);
    expect(one.inspect().refs).toHaveLength(9);
    expect(two.inspect().refs).toHaveLength(9);
    expect(existsSync(folder)).toBe(true);
  });
});

describe('SIGTERM', () => {
  it('ends a training within its step, cleanly', async () => {
    const { client } = await hub();
    const device = newDevice({ learn: { newLabels: 20, epochs: 10_000, batch: 8 } });
    const agent = start(device);
    device.label('goods', labelled(8));
    await agent.until(async () => {
      const metrics = await online(client, agent).catch(() => undefined);
      return (metrics?.training?.epoch ?? 0) >= 2;
    });
    expect(await agent.stop()).toBe(0);
    expect(agent.log).toContain('training was stopped before it ended');
    expect(agent.log).not.toMatch(/\n\s+at /);
    const kept = device.inspect();
    expect(kept.refs).toHaveLength(24);
    expect(kept.discriminants).toEqual({ goods: kept.refs.filter((r) => !r.heldOut).length });
    expect(JSON.parse((await lichen(['tasks', '--store', device.store, '--json'])).out)[0].versions).toEqual(
      [],
    );
    // It takes the training up again by itself.
    const again = start(device);
    await again.logged('training-started');
    expect(await again.stop()).toBe(0);
  });

  it('is heeded while the agent starts', async () => {
    const device = newDevice();
    const agent = start(device);
    await agent.until(() => existsSync(join(device.store, 'lock.pid')));
    expect(await agent.stop()).toBe(0);
    expect(existsSync(join(device.store, 'lock.pid'))).toBe(false);
  });
});

const mountable = canMount();
describe.skipIf(!mountable)(
  `a full disk${mountable ? '' : ' (skipped: this user may not mount a tmpfs)'}`,
  () => {
    it('is said, stops nothing, and costs nothing that was kept', async () => {
      const device = newDevice();
      const folder = device.store;
      mkdirSync(folder);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=700', 'tmpfs', folder]);
      try {
        const { client } = await hub();
        const agent = start(device);
        const pictures = labelled(12);
        device.label('goods', pictures.slice(0, 12));
        await agent.until(() => device.look().seen.length === 12);
        fill(join(folder, 'ballast'));
        device.label('goods', pictures.slice(12, 24));
        device.show('broken.png', Buffer.from('no picture'));
        await agent.until(() => /not delivered; tried again later/.test(agent.log));
        expect(agent.log).toMatch(/disk is full|No space left|ENOSPC/i);
        device.label('goods', pictures.slice(24, 30));
        await new Promise((resolve) => setTimeout(resolve, 1000));
        expect(agent.alive).toBe(true);
        const during = device.look();
        expect(during.seen.length).toBeLessThan(30);
        rmSync(join(folder, 'ballast'));
        // The next picture makes it look again.
        device.label('goods', pictures.slice(30));
        await agent.until(() => device.look().seen.length === 37);
        expect(await online(client, agent)).toMatchObject({ replay: { samples: 36 } });
        expect(await agent.stop()).toBe(0);
        const kept = device.inspect();
        expect(kept.refs.map((r) => r.id)).toEqual(pictures.map((p) => p.id).sort());
        expect(kept.rejects).toBe(1);
        expect(kept.discriminants).toEqual({ goods: kept.refs.filter((r) => !r.heldOut).length });
        expect(JSON.parse((await lichen(['verify', '--store', folder, '--json'])).out).ok).toBe(true);
      } finally {
        for (const program of started) if (program.alive) await program.kill();
        execFileSync('umount', [folder]);
      }
    });

    it('keeps an agent from starting with a clear error', async () => {
      const folder = join(scratch, 'full');
      mkdirSync(folder);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', folder]);
      try {
        fill(join(folder, 'ballast'));
        const { code, err } = await agentWith({ store: folder });
        expect(code).toBe(2);
        expect(err).toMatch(/full|No space left/);
        expect(err).not.toMatch(/\n\s+at /);
      } finally {
        execFileSync('umount', [folder]);
      }
    });
  },
);

describe('an agent that cannot start says why, with exit code 2 and no stack trace', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lichen-refused-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    [
      'an unknown board profile',
      { profile: 'raspberry-pi-99' },
      /no board profile 'raspberry-pi-99'; known: auto, .*raspberry-pi-4/,
    ],
    ['a backbone that is not there', { backbone: '/nowhere/manifest.json' }, /\/nowhere\/manifest\.json/],
    ['a split that the backbone does not have', { split: 'nothing' }, /'nothing'/],
    ['a trusted key that is not there', { packs: { trustedKeys: ['/nowhere.pem'] } }, /\/nowhere\.pem/],
    ['a cap that holds nothing', { replay: { cap: '100 kB' } }, /cap of 100000 bytes is too small/],
    [
      'a wrong setting',
      { schedule: { train: 'at night' } },
      /'schedule.train' is "at night"; expected a cron expression/,
    ],
  ])('%s', async (_, settings, message) => {
    const { code, err, out } = await agentWith({ store: join(folder, 'store'), ...settings });
    expect(err).toMatch(message);
    expect(err).toMatch(/^lichen: /m);
    expect(code).toBe(2);
    expect(err + out).not.toMatch(/\n\s+at /);
  });

  it('a store that another agent writes', async () => {
    const device = newDevice();
    const agent = start(device);
    await agent.logged('agent started');
    const { code, err } = await agentWith({ store: device.store });
    expect(code).toBe(2);
    expect(err).toContain(`The store ${device.store} is being written by process ${agent.pid}.`);
    expect(agent.alive).toBe(true);
    expect(await agent.stop()).toBe(0);
    expect(existsSync(join(device.store, 'lock.pid'))).toBe(false);
  });

  const root = process.getuid?.() === 0;
  it.skipIf(!root)('a store folder that belongs to somebody else', async () => {
    const store = join(folder, 'roots');
    mkdirSync(store, { mode: 0o700 });
    chmodSync(folder, 0o755);
    const { code, err } = await agentWith({ store }, 65_534);
    expect(code).toBe(2);
    expect(err).toContain(store);
    expect(err).toMatch(/user|rights|permission/i);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it.skipIf(!root)('a store that this user may read and not write', async () => {
    const device = newDevice();
    const agent = start(device);
    await agent.logged('agent started');
    expect(await agent.stop()).toBe(0);
    chmodSync(device.root, 0o755);
    execFileSync('chmod', ['-R', 'a+rX,go-w', device.store]);
    const before = statSync(join(device.store, 'agent.db')).mtimeMs;
    const { code, err } = await agentWith({ store: device.store }, 65_534);
    expect(code).toBe(2);
    expect(err).toContain(device.store);
    expect(err).not.toMatch(/\n\s+at /);
    expect(statSync(join(device.store, 'agent.db')).mtimeMs).toBe(before);
  });
});
