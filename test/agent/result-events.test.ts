import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ReportOf } from '../../src/link/schemas.js';
import { MjpegServer } from '../capture/mjpeg-server.js';
import { ffmpeg } from '../capture/programs.js';
import { LABELS, shot } from '../capture/scenes.js';
import { until } from '../link/until.js';
import { scratchFolder } from '../store/scratch.js';
import { Daemon } from './daemon.js';

const scratch = scratchFolder();
const TOPIC = 'lichen/v1/cam/result';
let server: MjpegServer;
let daemon: Daemon | undefined;

beforeEach(async (test) => {
  if (!ffmpeg.runs) test.skip(ffmpeg.reason);
  server = new MjpegServer();
  await server.start();
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  await server.stop();
});

/** A device with a camera at the door, which was taught what bags and sandals look like. */
async function start(): Promise<Daemon> {
  for (const label of LABELS) {
    mkdirSync(scratch.path('teach', label), { recursive: true });
    for (let i = 0; i < 8; i++) writeFileSync(scratch.path('teach', label, `${i}.jpg`), await shot(label, i));
  }
  const teach = { kind: 'directory', name: 'teach', path: scratch.path('teach'), layout: 'class' };
  const started = await Daemon.start(scratch.path('store'), {
    sources: [
      { ...teach, task: 'goods', settle: '20 ms' },
      {
        ...{ kind: 'ffmpeg', name: 'door', input: server.url, rate: 10, stall: '2 s', task: 'goods' },
        drop: { duplicates: false, blurred: false },
      },
    ],
    learn: { newLabels: 1000 },
    recognize: { smoothing: { halfLife: '500 ms' } },
  });
  daemon = started;
  await until(() => started.agent.store.seen.count() >= 16);
  return started;
}

const eventsOf = ({ observer }: Daemon) => observer.on(TOPIC) as unknown as ReportOf<'result-event'>[];
const answersOf = ({ observer }: Daemon) => observer.on(`${TOPIC}/goods`).length;

/** Shows a picture to the camera until a condition holds. */
async function show(picture: Buffer, done: () => boolean): Promise<void> {
  while (!done()) {
    server.send(picture);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it('what stands is told of as events: it begins once, ends once, with its source or with the program', async () => {
  const first = await start();
  const [bag, sandal] = [await shot('bag', 20), await shot('sandal', 20)];
  await show(bag, () => answersOf(first) >= 20);
  await until(() => eventsOf(first).length > 0);
  const labels = (type: string) => eventsOf(first).flatMap((e) => (e.type === type ? [e.after.label] : []));
  expect(labels('new')).toEqual(['bag']);
  expect(labels('end')).toEqual([]);
  // Twenty answers, of which the first ones alone can have moved the probability.
  expect(labels('update').length).toBeLessThan(4);
  expect(eventsOf(first)[0]).toMatchObject({
    ...{ v: 1, device: 'cam', type: 'new', before: null },
    after: { source: 'door', task: 'goods', label: 'bag', novel: false, version: 'instant', endedAt: null },
  });
  expect(first.observer.messages.filter((m) => m.topic === TOPIC).some((m) => m.retain)).toBe(false);

  await show(sandal, () => labels('new').length === 2);
  expect([labels('new'), labels('end')]).toEqual([['bag', 'sandal'], ['bag']]);

  // The camera gives nothing more.
  await until(() => labels('end').length === 2);
  const last = eventsOf(first).at(-1)!;
  expect(last.after).toMatchObject({ label: 'sandal', source: 'door' });
  expect(Date.parse(last.after.endedAt!)).toBeGreaterThan(Date.parse(last.after.startedAt));

  // Again, until the program ends.
  await show(bag, () => labels('new').length === 3);
  const before = first.observer;
  await first.agent.stop();
  await until(() => before.on('lichen/v1/cam/state').at(-1)!.state === 'offline');
  expect([labels('new'), labels('end')]).toEqual([
    ['bag', 'sandal', 'bag'],
    ['bag', 'sandal', 'bag'],
  ]);
  const ids = eventsOf(first).flatMap((e) => (e.type === 'new' ? [e.after.id] : []));
  daemon = undefined;
  await before.stop();
  await first.broker.remove();

  const second = await start();
  await show(bag, () => eventsOf(second).some((e) => e.type === 'new'));
  ids.push(eventsOf(second).find((e) => e.type === 'new')!.after.id);
  expect(new Set(ids).size).toBe(4);
});
