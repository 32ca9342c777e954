import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sourceSchema } from '../../src/capture/config.js';
import { ffmpegArguments } from '../../src/capture/ffmpeg.js';
import { openStore, type Store } from '../../src/store/store.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { contextFor } from './context.js';
import { MjpegServer } from './mjpeg-server.js';
import { ffmpeg } from './programs.js';
import { film, scene } from './scenes.js';
import { type Started, startSource } from './started.js';

const scratch = scratchFolder();
let store: Store;
let context: ReturnType<typeof contextFor>;
const running: Started[] = [];

beforeEach((test) => {
  if (!ffmpeg.runs) test.skip(ffmpeg.reason);
  store = openStore(scratch.path('store'));
  context = contextFor(store);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((s) => s.source.stop()));
  store?.close();
});

async function start(settings: Record<string, unknown>): Promise<Started> {
  const started = await startSource({ kind: 'ffmpeg', rate: 10, ...settings }, context);
  running.push(started);
  return started;
}

const sizeOf = async (bytes: Buffer) => {
  const { width, height, format } = await sharp(bytes).metadata();
  return { width, height, format };
};

describe('a film', () => {
  it('is shown once, at its own speed, each of its scenes delivered once', async () => {
    const file = film(scratch.path(), [await scene(0), await scene(1), await scene(2)]);
    const door = await start({ input: file, task: 'shoes' });
    await until(() => door.status().frames >= 29);
    await door.count(3);
    expect(await sizeOf(door.delivered[0]!.bytes)).toEqual({ width: 320, height: 240, format: 'jpeg' });
    expect(door.delivered.map(({ path, task, label }) => ({ path, task, label }))).toEqual(
      Array(3).fill({ path: 'door', task: 'shoes', label: undefined }),
    );
    const { frames, triggered, duplicates, delivered, bad, restarts, lastError } = door.status();
    expect({ delivered, bad, restarts, lastError }).toEqual({
      delivered: 3,
      bad: 0,
      restarts: 0,
      lastError: null,
    });
    expect(frames).toBeLessThanOrEqual(31);
    expect(duplicates).toBe(triggered - 3);
    expect(context.reports).toEqual([]);
  });

  it('of H.264 gives key frames only, made smaller, at the rate that is set, and begins again', async () => {
    const pictures = [
      await scene(0, { width: 1280, height: 720 }),
      await scene(1, { width: 1280, height: 720 }),
    ];
    const file = film(scratch.path(), pictures, 'libx264');
    const door = await start({
      input: file,
      keyframes: true,
      repeat: true,
      rate: 1,
      width: 400,
      drop: { duplicates: false },
    });
    await door.count(4);
    expect(await sizeOf(door.delivered[0]!.bytes)).toEqual({ width: 400, height: 226, format: 'jpeg' });
    expect(door.status().frames).toBeLessThanOrEqual(6);
  });
});

describe('motion JPEG over HTTP', () => {
  let server: MjpegServer;
  beforeEach(async () => {
    server = new MjpegServer();
    await server.start();
  });
  afterEach(() => server.stop());

  /** Sends pictures, again and again, until a condition holds. */
  async function feed(pictures: readonly Buffer[], done: () => boolean): Promise<void> {
    for (let i = 0; !done(); i++) {
      server.send(pictures[i % pictures.length]!);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  it('is handed through byte for byte where that is asked for', async () => {
    const sent = [await scene(0), await scene(1)];
    const door = await start({ input: server.url, passthrough: true, rate: 0 });
    await feed(sent, () => door.delivered.length >= 4);
    // ffmpeg's probing may join a picture that comes while it looks; what it hands on is one that was sent.
    for (const { bytes } of door.delivered) expect(sent.some((s) => s.equals(bytes))).toBe(true);
  });

  it('is looked at by the clock, however many pictures a second it has', async () => {
    const pictures = [await scene(0), await scene(1)];
    const door = await start({ input: server.url, rate: 2, drop: { duplicates: false } });
    await feed(pictures, () => door.delivered.length >= 1);
    const begun = Date.now();
    // Five a second, which ffmpeg by itself would take for 25.
    for (let i = 0; i < 20; i++) {
      server.send(pictures[i % 2]!);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const seconds = (Date.now() - begun) / 1000;
    expect(door.delivered.length).toBeGreaterThan(1.2 * seconds);
    expect(door.status().frames).toBeLessThan(3 * seconds + 3);
  });

  it('goes on when the pictures change their size', async () => {
    const small = await scene(0);
    const large = await scene(1, { width: 480, height: 360 });
    const door = await start({ input: server.url });
    await feed([small], () => door.delivered.length >= 1);
    await feed([large], () => door.delivered.length >= 2);
    expect((await sizeOf(door.delivered[0]!.bytes)).width).toBe(320);
    expect(door.status().restarts).toBe(0);
  });

  it('is begun again when it stalls, and when it ends; told once, and that it works again', async () => {
    const pictures = [await scene(0), await scene(1)];
    const door = await start({ input: server.url, stall: '1 s', drop: { duplicates: false } });
    await feed(pictures, () => door.delivered.length >= 1);
    await until(() => door.status().restarts >= 1);
    expect(door.status().lastError).toMatch(/ffmpeg gave nothing for 1 s and was ended/);
    // What the run before still gave may come late.
    await until(() => server.connections >= 2 && server.viewing > 0);
    const stalled = door.delivered.length;
    await feed(pictures, () => door.delivered.length > stalled);
    const { restarts } = door.status();
    server.cut();
    await until(() => door.status().restarts > restarts);
    // On a slow machine it may count as stalled before it has noticed.
    expect(door.status().lastError).toMatch(/^ffmpeg (ended with code 0|gave nothing for 1 s)/);
    await until(() => server.connections >= 3 && server.viewing > 0);
    const ended = door.delivered.length;
    await feed(pictures, () => door.delivered.length > ended);
    expect(server.connections).toBeGreaterThanOrEqual(3);
    // One after the other, however often it was begun again; on a slow machine it may stall once more.
    const reports = context.reports.map((r) => r.split(' ')[0]);
    expect(reports.length).toBeGreaterThanOrEqual(4);
    expect(reports).toEqual(reports.map((_, i) => (i % 2 === 0 ? 'source-failed' : 'source-works')));
  });

  it('recovers from garbage, which is no picture to it', async () => {
    const pictures = [await scene(0), await scene(1)];
    const door = await start({ input: server.url, stall: '2 s', drop: { duplicates: false } });
    await feed(pictures, () => door.delivered.length >= 1);
    const before = door.delivered.length;
    server.sendRaw(Buffer.alloc(200_000, 'garbage '));
    const broken = pictures[0]!.subarray(0, 3000);
    await feed([broken, ...pictures], () => door.delivered.length >= before + 3);
  });
});

describe('a camera program', () => {
  /** A program of this name and this shell script, in a folder of its own. */
  function script(text: string): string {
    mkdirSync(scratch.path('bin'), { recursive: true });
    const file = scratch.path('bin', 'camera');
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  it('that is missing is said to be, and is used from when it is there', async () => {
    const door = await start({
      input: '/dev/video9',
      program: scratch.path('bin', 'camera'),
      retryMax: '1 s',
    });
    await until(() => door.status().restarts >= 2);
    expect(door.status().lastError).toMatch(/the program .*camera is not installed, or not on PATH/);
    expect(context.reports).toHaveLength(1);
    writeFileSync(scratch.path('picture.jpg'), await scene(0));
    script(`while true; do cat ${scratch.path('picture.jpg')}; sleep 0.1; done`);
    await door.count(1);
    expect(context.reports[1]).toBe('source-works door: pictures come again');
  });

  it('that crashes is begun again, with what it said', async () => {
    writeFileSync(scratch.path('picture.jpg'), await scene(0));
    const program = script(`cat ${scratch.path('picture.jpg')}; echo 'no such device' >&2; exit 3`);
    const door = await start({ input: '/dev/video9', program, retryMax: '1 s' });
    await until(() => door.status().restarts >= 3);
    expect(door.status().lastError).toMatch(/camera ended with code 3: no such device/);
    expect(door.status()).toMatchObject({ delivered: 1, bad: 0 });
  });

  it('that writes what is no picture is counted, ended and begun again', async () => {
    const program = script('yes garbage');
    const door = await start({ input: '/dev/video9', program, stall: '500 ms', retryMax: '1 s', rate: 0 });
    await until(() => door.status().restarts >= 2);
    expect(door.status().bad).toBeGreaterThanOrEqual(2);
    expect(door.status().frames).toBe(0);
  });

  it('is ended with all that it started, also where it does not heed SIGTERM', async () => {
    const pids = scratch.path('pids');
    const program = script(
      `trap '' TERM\n(trap '' TERM; sleep 1000) &\necho $$ $! > ${pids}.new; mv ${pids}.new ${pids}; wait`,
    );
    const door = await start({ input: '/dev/video9', program });
    const { existsSync, readFileSync } = await import('node:fs');
    await until(() => existsSync(pids));
    await door.source.stop();
    for (const pid of readFileSync(pids, 'utf8').trim().split(' ').map(Number)) {
      await until(() => !isAlive(pid));
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("ffmpeg's arguments", () => {
  const of = (settings: Record<string, unknown>) => {
    const config = sourceSchema.parse({ kind: 'ffmpeg', ...settings });
    if (config.kind !== 'ffmpeg') throw new Error(config.kind);
    return ffmpegArguments(config).join(' ');
  };

  it.each([
    [{ input: 'rtsp://cam/1' }, /-rtsp_transport tcp -i rtsp:\/\/cam\/1 .*-vf fps=1,scale=/],
    [
      { input: '/dev/video0', options: ['-video_size', '1280x720'] },
      /-f v4l2 -video_size 1280x720 -i \/dev\/video0/,
    ],
    [{ input: '/dev/video0', passthrough: true }, /-f v4l2 -input_format mjpeg -i .* -c:v copy -f mjpeg/],
    [{ input: 'film.mp4', repeat: true, rate: 0 }, /-stream_loop -1 -re -i film\.mp4 .*-vf scale=/],
    [{ input: 'http://cam/mjpg' }, /-loglevel error -use_wallclock_as_timestamps 1 -i http/],
    [{ input: 'http://cam/mjpg', arrival: false }, /-loglevel error -i http/],
    [{ input: 'https://cam/live.m3u8?a=1' }, /-loglevel error -i https/],
    [{ input: 'rtsp://cam/1', keyframes: true }, /-skip_frame nokey -i rtsp/],
  ])('of %j', (settings, expected) => {
    expect(of(settings)).toMatch(expected);
  });

  it('cannot be smuggled in by an input', () => {
    expect(sourceSchema.safeParse({ kind: 'ffmpeg', input: '-y' }).success).toBe(false);
  });
});
