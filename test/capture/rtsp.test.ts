import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../src/store/store.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { contextFor } from './context.js';
import { ffmpeg } from './programs.js';
import { RtspCamera, rtspServer } from './rtsp.js';
import { film, scene } from './scenes.js';
import { type Started, startSource } from './started.js';

const scratch = scratchFolder();
let store: Store;
let context: ReturnType<typeof contextFor>;
let camera: RtspCamera | undefined;
let door: Started | undefined;

beforeEach((test) => {
  if (!ffmpeg.runs) test.skip(ffmpeg.reason);
  if (!rtspServer.runs) test.skip(rtspServer.reason);
  store = openStore(scratch.path('store'));
  context = contextFor(store);
  mkdirSync(scratch.path('film'));
});
afterEach(async () => {
  await door?.source.stop();
  await camera?.stop();
  store?.close();
});

describe('a camera that speaks RTSP', () => {
  it('is seen, and begun again when it ends and when it is switched off', async () => {
    const pictures = await Promise.all([0, 1, 2, 0, 1, 2, 0, 1].map((i) => scene(i)));
    camera = await RtspCamera.start(film(scratch.path('film'), pictures, 'libx264'));
    door = await startSource(
      { kind: 'ffmpeg', input: camera.url, rate: 10, keyframes: true, stall: '5 s', retryMax: '1 s' },
      context,
    );
    await door.count(3);
    // The film ends; the next connection sees it from its beginning.
    await until(() => door!.status().restarts >= 1);
    expect(door.status().lastError).toMatch(/^ffmpeg (ended with code|gave nothing)/);
    await door.count(door.delivered.length + 2);
    await camera.stop();
    await until(() => /Connection refused|ended with code [1-9]/.test(door!.status().lastError ?? ''));
    expect(door.status().bad).toBe(0);
    expect(context.reports[0]).toMatch(/^source-failed door: ffmpeg/);
  });
});
