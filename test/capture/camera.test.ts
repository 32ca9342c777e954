import pino from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { Camera, type CameraOptions } from '../../src/capture/camera.js';
import { Counters } from '../../src/capture/counters.js';
import type { FrameSink, FrameSource } from '../../src/capture/frames.js';
import { Gate } from '../../src/capture/gate.js';
import type { Picture, Sink } from '../../src/capture/source.js';
import { AlwaysTrigger } from '../../src/capture/triggers/always.js';
import { IntervalTrigger } from '../../src/capture/triggers/interval.js';
import { until } from '../link/until.js';
import { scene } from './scenes.js';

let pictures: Buffer[];
beforeAll(async () => {
  pictures = await Promise.all([0, 1, 2, 3, 4].map((i) => scene(i)));
});

/** A camera that a test holds in its hand. */
class Held implements FrameSource {
  sink!: FrameSink;

  start(sink: FrameSink): void {
    this.sink = sink;
  }

  async stop(): Promise<void> {}
}

async function open(options: Partial<CameraOptions> = {}, sink?: Sink) {
  const held = new Held();
  const counters = new Counters('door', 'test');
  const reports: string[] = [];
  const delivered: Picture[] = [];
  const camera = new Camera({
    frames: held,
    triggers: [],
    newGate: () =>
      new Gate({ triggers: [new AlwaysTrigger()], crop: false, duplicates: false, blurred: false }, counters),
    rate: 0,
    queue: 1,
    counters,
    report: (kind) => reports.push(kind),
    log: pino({ level: 'silent' }),
    ...options,
  });
  await camera.start(async (picture) => {
    const kept = sink ? await sink(picture) : { sample: 's' };
    delivered.push(picture);
    return kept;
  });
  return { camera, held, delivered, reports, status: () => camera.status() };
}

describe('a camera that is faster than the device', () => {
  it('has its newest picture worked on next, and the others dropped and counted', async () => {
    let release = () => {};
    const open1 = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { held, delivered, status, camera } = await open({}, async () => {
      await open1;
      return { sample: 's' };
    });
    held.sink.frame(pictures[0]!);
    for (const p of pictures.slice(1)) held.sink.frame(p);
    release();
    await until(() => delivered.length >= 2);
    expect(delivered.map((d) => d.bytes)).toEqual([pictures[0], pictures[4]]);
    expect(status()).toMatchObject({ frames: 5, dropped: 3, delivered: 2 });
    await camera.stop();
  });

  it('is looked at no more often than the rate says', async () => {
    const { held, delivered, camera } = await open({ rate: 20, queue: 100 });
    const begun = Date.now();
    while (Date.now() - begun < 1000) {
      held.sink.frame(pictures[0]!);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const seconds = (Date.now() - begun) / 1000;
    await camera.stop();
    expect(delivered.length).toBeLessThanOrEqual(20 * seconds + 2);
    expect(delivered.length).toBeGreaterThan(2);
  });
});

describe('a camera that stands for several', () => {
  it('has a gate for each place, and names it', async () => {
    const counters = new Counters('door', 'test');
    const newGate = () =>
      new Gate(
        { triggers: [new IntervalTrigger(3_600_000)], crop: false, duplicates: 4, blurred: false },
        counters,
      );
    const { held, delivered, camera } = await open({ newGate, counters, queue: 10, task: 'shoes' });
    held.sink.frame(pictures[0]!, 'yard');
    held.sink.frame(pictures[0]!, 'gate');
    held.sink.frame(pictures[1]!, 'yard');
    await until(() => delivered.length >= 2);
    await camera.stop();
    expect(delivered.map(({ path, task }) => [path, task])).toEqual([
      ['door: yard', 'shoes'],
      ['door: gate', 'shoes'],
    ]);
  });
});

describe('what goes wrong', () => {
  it('at the device costs the picture, is told, and the next one is delivered', async () => {
    let full = true;
    const { held, delivered, status, camera } = await open({}, async () => {
      if (full) throw new Error('the disk is full');
      return { sample: 's' };
    });
    held.sink.frame(pictures[0]!);
    await until(() => status().lastError !== null);
    expect(status()).toMatchObject({ delivered: 0, lastError: 'the disk is full' });
    full = false;
    await until(() => {
      held.sink.frame(pictures[1]!);
      return delivered.length > 0;
    });
    await camera.stop();
  });

  it('at the camera is reported once, and so is that it works again', async () => {
    const { held, reports, status, camera } = await open();
    for (let i = 0; i < 3; i++) held.sink.failed('no signal');
    expect(reports).toEqual(['source-failed']);
    expect(status()).toMatchObject({ restarts: 3, lastError: 'no signal' });
    held.sink.frame(pictures[0]!);
    held.sink.frame(pictures[1]!);
    expect(reports).toEqual(['source-failed', 'source-works']);
    held.sink.bad('half a picture');
    expect(status()).toMatchObject({ bad: 1, lastError: 'half a picture' });
    expect(Date.parse(status().lastFrameAt!)).toBeLessThanOrEqual(Date.parse(status().lastErrorAt!));
    await camera.stop();
    held.sink.frame(pictures[2]!);
    expect(status().frames).toBe(2);
  });
});
