import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adapterReport, metricsOf, type ReportSources } from '../../src/agent/reports.js';
import { trainTask } from '../../src/agent/train-task.js';
import { Training } from '../../src/agent/training.js';
import { Counters } from '../../src/capture/counters.js';
import { deviceMethod } from '../../src/learn/device-method.js';
import { reportSchemas } from '../../src/link/schemas.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { Daemon } from './daemon.js';
import { latentsOf, type Photograph, photographs, splitPhotographs } from './pictures.js';
import { type Bedrock, openBedrock, quiet, Rooms } from './rooms.js';

const scratch = scratchFolder();
let bedrock: Bedrock;
let pictures: Photograph[];
let latents: Uint8Array[];

beforeAll(async () => {
  bedrock = await openBedrock();
  pictures = ['bag', 'sandal'].flatMap((label) => splitPhotographs(label, 4, 1));
  latents = await latentsOf(bedrock.backbone, bedrock.trunk, pictures);
});
afterAll(() => bedrock.trunk.close());

const envelope = { v: 1, device: 'cam', store: 's', boot: 1, seq: 1, at: new Date().toISOString() };

describe('metrics and adapter reports', () => {
  it('say what is in the store and in the memory, before and after a training', async () => {
    const rooms = await Rooms.open(bedrock, scratch.path('store'));
    const { store, memory } = rooms;
    await rooms.keep('goods', pictures, latents);
    const sources: ReportSources = {
      backbone: bedrock.backbone,
      store,
      memory,
      training: idle(rooms),
      outbox: () => ({ messages: 3, bytes: 900, dropped: 1 }),
      sources: () => [new Counters('door', 'ffmpeg').get()],
      instantAccuracy: () => 0.5,
      activeTask: () => undefined,
      offers: () => undefined,
      temperature: () => undefined,
    };
    const before = metricsOf(sources);
    expect(before.tasks).toEqual([
      {
        task: 'goods',
        classes: ['bag', 'sandal'],
        samples: 10,
        accuracyHeldOut: 0.5,
        current: 'instant',
        isolation: 'piggyback',
        adapterBytes: 0,
        closed: false,
      },
    ]);
    expect(before.replay).toEqual({
      capBytes: 4 * 2 ** 20,
      usedBytes: memory.stats().usedBytes,
      samples: 10,
    });
    expect(before.replay.usedBytes).toBeGreaterThan(10 * 9000);
    expect(before.backboneBytes).toBe(13417019);
    expect(before.peakRssBytes).toBeGreaterThanOrEqual(before.rssBytes * 0.9);
    expect(before.diskWrittenBytes).toBeGreaterThan(0);
    expect(before.outbox).toEqual({ messages: 3, bytes: 900, dropped: 1 });
    expect(before.training).toBeUndefined();
    expect(adapterReport(sources, store.tasks.require('goods'))).toMatchObject({
      version: 'instant',
      sha256: null,
      bytes: 0,
      digest: null,
    });

    const training = rooms.samples('goods').filter((s) => !s.heldOut);
    const { version } = await trainTask(
      bedrock.engine,
      bedrock.backbone,
      store,
      store.tasks.require('goods'),
      training,
      { isolation: 'piggyback', rehearsal: 'er', learner: { epochs: 1, batch: 8, seed: 1, threads: 1 } },
    );
    store.tasks.close('goods');
    const after = metricsOf(sources);
    expect(after.tasks[0]).toMatchObject({
      current: 1,
      adapterBytes: version.adapterBytes,
      accuracyHeldOut: null,
      closed: true,
    });
    const report = adapterReport(sources, store.tasks.require('goods'));
    expect(report).toMatchObject({ version: 1, sha256: version.sha256, digest: version.digest });
    expect(Date.parse(report.promotedAt)).toBeGreaterThanOrEqual(version.createdAt);
    for (const metrics of [before, after]) {
      expect(() => reportSchemas.metrics.parse({ ...envelope, ...metrics })).not.toThrow();
    }
    expect(() => reportSchemas.adapter.parse({ ...envelope, ...report })).not.toThrow();
    await rooms.close();
  });
});

describe('what a device publishes by itself', () => {
  it('results of pictures that it sees, and an event for a broken one', async () => {
    const inbox = scratch.path('inbox');
    mkdirSync(inbox);
    const daemon = await Daemon.start(scratch.path('store'), {
      sources: [
        { kind: 'directory', path: inbox, layout: 'task/class', settle: '20 ms' },
        { kind: 'directory', path: scratch.path('camera'), task: 'goods', settle: '20 ms' },
      ],
      learn: { newLabels: 1000 },
    });
    const { seen } = daemon.agent.store;
    put(scratch.path('inbox', 'goods', 'bag'), splitPhotographs('bag', 4, 0));
    put(scratch.path('inbox', 'goods', 'sandal'), splitPhotographs('sandal', 4, 0));
    await until(() => seen.count() >= 8);
    expect(daemon.observer.on('lichen/v1/cam/result/goods')).toEqual([]);
    const [bag] = photographs('bag', 1, { part: 'test' });
    put(scratch.path('camera'), [bag!]);
    writeFileSync(scratch.path('camera', 'broken.png'), bag!.bytes.subarray(0, 50));
    const result = await daemon.message((topic) => topic === 'lichen/v1/cam/result/goods');
    expect(result).toMatchObject({ task: 'goods', label: 'bag', version: 'instant', sample: bag!.id });
    expect(result.source).toBe(scratch.path('camera', '0.png'));
    expect(await daemon.event('picture-set-aside')).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining(scratch.path('camera', 'broken.png')),
      data: { path: scratch.path('camera', 'broken.png') },
    });
    expect((await daemon.ask('status')).data).toMatchObject({ replay: { samples: 8 } });
    expect((await daemon.ask('classify')).data).toMatchObject({ label: 'bag', sample: bag!.id });
    await daemon.stop();
    expect(daemon.observer.on('lichen/v1/cam/result/goods')).toHaveLength(1);
  });

  it('`online` when it comes, `offline` when it goes, and a nightly training on its schedule', async () => {
    const inbox = scratch.path('inbox');
    put(join(inbox, 'goods', 'bag'), splitPhotographs('bag', 4, 1));
    put(join(inbox, 'goods', 'sandal'), splitPhotographs('sandal', 4, 1));
    const daemon = await Daemon.start(scratch.path('store'), {
      sources: [{ kind: 'directory', path: inbox, layout: 'task/class', settle: '20 ms' }],
      learn: { newLabels: 1000, epochs: 1 },
      schedule: { train: '* * * * * *' },
    });
    await daemon.event('training-started');
    const trained = (topic: string, m: Record<string, unknown>) =>
      topic === 'lichen/v1/cam/event' && (m.kind === 'promoted' || m.kind === 'candidate-kept');
    expect(await daemon.message(trained)).toMatchObject({ data: { task: 'goods' } });
    await daemon.stop();
    const states = daemon.observer.on('lichen/v1/cam/state');
    expect(states.map((s) => s.state)).toEqual(['online', 'offline']);
    expect(states[0]).toMatchObject({
      profile: 'generic-x86',
      capabilities: expect.arrayContaining(['piggyback', 'source-directory']),
      boot: states[1]!.boot,
    });
  });
});

function put(folder: string, pictures: readonly Photograph[]): void {
  mkdirSync(folder, { recursive: true });
  for (const [i, { bytes }] of pictures.entries()) writeFileSync(join(folder, `${i}.png`), bytes);
}

/** A training that nobody asks for anything. */
function idle({ store, memory, discriminants }: Rooms): Training {
  return new Training({
    ...bedrock,
    store,
    memory,
    discriminants,
    methodOf: () => deviceMethod('piggyback'),
    learnerOf: () => ({}),
    newLabels: 1000,
    quietMs: 1000,
    allowed: async () => ({ ok: true }),
    onStart: () => {},
    onProgress: () => {},
    onTrained: () => {},
    onFailed: () => {},
    log: quiet,
  });
}
