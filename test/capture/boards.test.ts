import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sourceSchema } from '../../src/capture/config.js';
import { gstreamerArguments } from '../../src/capture/gstreamer.js';
import { rpicamStillArguments, rpicamVideoArguments } from '../../src/capture/rpicam.js';
import { openStore, type Store } from '../../src/store/store.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { putOnPath } from './camera-programs.js';
import { contextFor } from './context.js';
import { ffmpeg, gstreamer } from './programs.js';
import { type Started, startSource } from './started.js';

/*
 * There is no board here, and so neither rpicam-apps nor NVIDIA's elements. The programs of these names that the tests
 * put on the path are ffmpeg's test picture, coded as the real ones document their output: motion JPEG on standard
 * output (rpicam-vid --codec mjpeg -o -), one JPEG (rpicam-still -o -). What they are called with is compared with the
 * documented options. GStreamer itself is real; of a Jetson's pipeline only the words are tested.
 */

const scratch = scratchFolder();
let store: Store;
let context: ReturnType<typeof contextFor>;
let door: Started | undefined;
let takeOff: (() => void) | undefined;

beforeEach(() => {
  store = openStore(scratch.path('store'));
  context = contextFor(store);
});
afterEach(async () => {
  await door?.source.stop();
  takeOff?.();
  takeOff = undefined;
  store.close();
});

const PICTURES = 'ffmpeg -v error -re -f lavfi -i testsrc2=size=320x240:rate=10';
const ALL = { drop: { duplicates: false }, rate: 10 };

const sizeOf = async (bytes: Buffer) => {
  const { width, height } = await sharp(bytes).metadata();
  return [width, height];
};

describe("a Raspberry Pi's camera", () => {
  beforeEach((test) => {
    if (!ffmpeg.runs) test.skip(ffmpeg.reason);
  });

  it('is a stream of rpicam-vid, which is begun again when the camera is lost', async () => {
    takeOff = putOnPath(scratch.path('bin'), 'rpicam-vid', `exec ${PICTURES} -t 1 -f mjpeg pipe:1`);
    door = await startSource({ kind: 'rpicam', width: 320, height: 240, retryMax: '1 s', ...ALL }, context);
    await until(() => door!.status().restarts >= 1 && door!.delivered.length >= 15);
    expect(await sizeOf(door.delivered[0]!.bytes)).toEqual([320, 240]);
    expect(readFileSync(scratch.path('bin', 'arguments'), 'utf8').trim().split('\n')).toEqual(
      '-t 0 --codec mjpeg --framerate 10 --flush -n --camera 0 --width 320 --height 240 -o -'.split(' '),
    );
  });

  it('takes single pictures with rpicam-still, and says why where it cannot', async () => {
    const once = `${PICTURES} -frames:v 1 -f mjpeg pipe:1`;
    const busy = `echo 'ERROR: *** failed to acquire camera ***' >&2; exit 255`;
    const text = `if [ -e ${scratch.path('busy')} ]; then ${busy}; fi; touch ${scratch.path('busy')}; exec ${once}`;
    takeOff = putOnPath(scratch.path('bin'), 'rpicam-still', text);
    door = await startSource(
      { kind: 'rpicam', camera: 1, still: '1 s', options: ['--rotation', '180'], ...ALL },
      context,
    );
    await door.count(1);
    await until(() => door!.status().restarts >= 1);
    expect(door.status().lastError).toBe(
      'rpicam-still ended with code 255: ERROR: *** failed to acquire camera ***',
    );
    expect(readFileSync(scratch.path('bin', 'arguments'), 'utf8').trim().split('\n')).toEqual(
      '-t 1000 --encoding jpg --thumb none -n --camera 1 --width 640 --height 480 --rotation 180 -o -'.split(
        ' ',
      ),
    );
  });

  it('without its programs is said to lack them', async () => {
    door = await startSource({ kind: 'rpicam', still: '1 s', program: 'no-such-rpicam' }, context);
    await until(() => door!.status().restarts >= 1);
    expect(door.status().lastError).toBe('the program no-such-rpicam is not installed, or not on PATH');
  });

  it('is asked for at the rate that is looked at', () => {
    const of = (settings: object) => {
      const config = sourceSchema.parse({ kind: 'rpicam', ...settings });
      return config.kind === 'rpicam' ? [rpicamVideoArguments(config), rpicamStillArguments(config)] : [];
    };
    expect(of({ rate: 0.5 })[0]!.join(' ')).toContain('--framerate 0.5 ');
    expect(of({ rate: 0 })[0]!.join(' ')).toContain('--framerate 30 ');
    expect(of({})[1]).not.toContain('--framerate');
  });
});

describe('a pipeline of GStreamer', () => {
  const source = 'videotestsrc is-live=true pattern=smpte ! video/x-raw,width=640,height=480,framerate=30/1';

  it('gives pictures at the rate and of the size that are set', async (test) => {
    if (!gstreamer.runs) test.skip(gstreamer.reason);
    const settings = { kind: 'gstreamer', pipeline: source, width: 320, height: 240 };
    door = await startSource({ ...settings, drop: { duplicates: false }, rate: 5 }, context);
    const begun = Date.now();
    await door.count(10);
    expect(await sizeOf(door.delivered[9]!.bytes)).toEqual([320, 240]);
    // It drops what is too many by itself: hardly more come than are looked at.
    expect(door.status().frames).toBeLessThanOrEqual(5 * ((Date.now() - begun) / 1000) + 5);
    expect(door.status()).toMatchObject({ bad: 0, restarts: 0 });
  });

  it('that is wrong is begun again, with what gst-launch says of it', async (test) => {
    if (!gstreamer.runs) test.skip(gstreamer.reason);
    door = await startSource({ kind: 'gstreamer', pipeline: 'nosuchelement' }, context);
    await until(() => door!.status().restarts >= 1);
    expect(door.status().lastError).toMatch(/gst-launch-1\.0 ended with code 1: .*nosuchelement/);
  });

  it("of a Jetson's camera keeps pictures in the hardware's memory until they are JPEG", () => {
    const config = sourceSchema.parse({ kind: 'gstreamer', jetson: { sensor: 1 }, rate: 0.5 });
    if (config.kind !== 'gstreamer') throw new Error(config.kind);
    expect(gstreamerArguments(config).join(' ')).toBe(
      '-q nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=1280,height=720,framerate=30/1 ' +
        '! videorate drop-only=true ! video/x-raw(memory:NVMM),framerate=500/1000 ' +
        '! nvvidconv ! video/x-raw(memory:NVMM),format=I420,width=640,height=360 ! nvjpegenc quality=90 ! fdsink fd=1',
    );
  });

  it.each([
    [{}, /one of them/],
    [{ pipeline: 'v4l2src', jetson: {} }, /one of them/],
    [{ pipeline: 'v4l2src', width: 320 }, /belong together/],
  ])('of %j is refused', (settings, message) => {
    expect(sourceSchema.safeParse({ kind: 'gstreamer', ...settings }).error?.issues[0]?.message).toMatch(
      message,
    );
  });
});
