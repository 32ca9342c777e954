import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { packageRoot } from '../src/backbone/manifest.js';
import { freePort } from '../src/demo/folder.js';
import { LichenError } from '../src/errors.js';
import type { Labelled, TaskDetail } from '../src/label/api.js';
import { Passwords, passwordFileOf } from '../src/label/passwords.js';
import { LEAN_ALLOCATOR } from '../src/process-memory.js';
import { Camera, cpu } from './camera.js';
import { PageOwner } from './page-owner.js';
import { median } from './statistics.js';

/** What a whole device costs: camera, page that somebody looks at, and training. */
export interface DeviceRow {
  /** Cap of memory while it trains, MiB; null without. */
  capMiB: number | null;
  /** Processor time at one picture a second, novelty included, in per cent of one core; and while somebody looks at the page. */
  agentPercent: number;
  watchedPercent: number;
  /** From a tap to the answer that goes by it; milliseconds. */
  tapMedianMs: number;
  tapMostMs: number;
  taps: number;
  /** The same once a mask answers, and labels correct it. */
  trainedTapMedianMs: number;
  trainedTapMostMs: number;
  /** Resident memory before the training, and the most up to its end; MiB. */
  watchingMiB: number;
  peakMiB: number;
  /** The camera's program, a process of its own: processor time in per cent of one core, and its peak, MiB. */
  cameraPercent: number;
  cameraPeakMiB: number;
  samples: number;
  trainSeconds: number;
}

const TASK = 'goods';
const CLASSES = ['bag', 'sandal', 'sneaker'];
const TAUGHT = 60;
/** A minute after labels their summary is saved. */
const SETTLED = 65_000;
const PASSWORD = 'only for this bench';

/**
 * Runs the real agent with a camera through ffmpeg at one picture a second: measures its share of the processor, the same
 * with a page that is looked at, then taps, then a training.
 * @param seconds how long the share is measured
 */
export async function measureDevice(
  {
    seconds,
    program,
    caps,
    taps,
  }: { seconds: number; program: string; caps: (number | null)[]; taps: number },
  say: (text: string) => void,
): Promise<DeviceRow[]> {
  const rows: DeviceRow[] = [];
  for (const cap of caps) {
    say(cap === null ? 'without a cap' : `under ${cap} MiB`);
    rows.push(await measure(cap, { seconds, program, taps }));
  }
  return rows;
}

async function measure(
  capMiB: number | null,
  { seconds, program: command, taps }: { seconds: number; program: string; taps: number },
): Promise<DeviceRow> {
  const folder = mkdtempSync(join(tmpdir(), 'lichen-device-'));
  const camera = await Camera.start();
  const port = await freePort();
  const store = join(folder, 'store');
  mkdirSync(store, { mode: 0o700 });
  await new Passwords(passwordFileOf(store)).set(PASSWORD);
  const shown = await teach(folder);
  const config = {
    device: { id: 'device' },
    store,
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    http: { host: '127.0.0.1', port },
    schedule: { train: '' },
    learn: { newLabels: 1000 },
    guards: { minFreeMemory: '1 MiB', onBattery: true },
    ...(capMiB !== null && { memory: { cap: `${capMiB} MiB` } }),
    log: 'error',
    sources: [
      { kind: 'directory', path: join(folder, 'teach'), layout: 'class', task: TASK, settle: '10 ms' },
      { kind: 'ffmpeg', name: 'camera', input: camera.url, rate: 1, drop: { blurred: false } },
    ],
  };
  const file = join(folder, 'agent.json');
  writeFileSync(file, JSON.stringify(config));
  const agent = spawn(process.execPath, [command, 'agent', '--config', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...LEAN_ALLOCATOR, ...process.env },
  });
  const ended = new Promise((resolve) => agent.once('exit', resolve));
  let next = 0;
  const timer = setInterval(() => camera.send(shown[(next++ >> 2) % shown.length]!), 250);
  const owner = new PageOwner(port, PASSWORD);
  try {
    await owner.enter(() => agent.exitCode === null);
    const detail = () => owner.ask<TaskDetail>('GET', `/api/tasks/${TASK}`);
    while ((await detail().catch(() => undefined))?.samples !== CLASSES.length * TAUGHT) await sleep(500);
    // What was taught is behind it by then, and saved.
    await sleep(SETTLED);
    const [ffmpeg] = children(agent.pid!);
    const [agentPercent, cameraPercent] = await Promise.all([
      share(agent.pid!, seconds),
      share(ffmpeg!, seconds),
    ]);
    await owner.watch();
    const watchedPercent = await share(agent.pid!, seconds);
    const took = await tapped(owner, taps);
    const watchingMiB = memory(agent.pid!, 'VmRSS');
    const began2 = performance.now();
    await owner.ask('POST', `/api/tasks/${TASK}/train`);
    while ((await detail()).versions.length === 0) {
      if (owner.failed) throw new LichenError('bench-training', `there was no training: ${owner.failed}`);
      await sleep(200);
    }
    const trainSeconds = (performance.now() - began2) / 1000;
    while ((await detail()).studying) await sleep(200);
    const peakMiB = memory(agent.pid!, 'VmHWM');
    const trained = await tapped(owner, taps);
    return {
      capMiB,
      ...{ agentPercent: round(agentPercent, 2), watchedPercent: round(watchedPercent, 2) },
      ...{ tapMedianMs: round(median(took), 0), tapMostMs: round(Math.max(...took), 0), taps },
      ...{ trainedTapMedianMs: round(median(trained), 0), trainedTapMostMs: round(Math.max(...trained), 0) },
      ...{ watchingMiB, peakMiB },
      ...{ cameraPercent: round(cameraPercent, 2), cameraPeakMiB: memory(ffmpeg!, 'VmHWM') },
      samples: (await detail()).samples,
      trainSeconds: round(trainSeconds, 1),
    };
  } finally {
    clearInterval(timer);
    owner.leave();
    agent.kill('SIGTERM');
    await ended;
    await camera.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Labels newest pictures, one in five of them with a class that is new: milliseconds from each tap to the answer that goes by it. */
async function tapped(owner: PageOwner, taps: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < taps; i++) {
    const before = owner.newest?.sample;
    while (owner.newest === undefined || owner.newest.sample === before) await sleep(20);
    const label = i % 5 === 4 ? `new ${i}` : (owner.newest.answer?.label ?? CLASSES[0]);
    const at = performance.now();
    await owner.ask<Labelled>('POST', '/api/labels', { sample: owner.newest.sample, task: TASK, label });
    took.push(performance.now() - at);
  }
  return took;
}

/** Processes that a process has started (proc(5)). */
const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

/** Of one core, in per cent. */
async function share(pid: number, seconds: number): Promise<number> {
  const [ticks, began] = [cpu(pid), performance.now()];
  await sleep(1000 * seconds);
  return (100 * (cpu(pid) - ticks)) / ((performance.now() - began) / 1000);
}

/** Photographs of the demo: some to teach, others, as a camera gives them, to show. */
async function teach(folder: string): Promise<Buffer[]> {
  const shown: Buffer[] = [];
  for (const label of CLASSES) {
    const from = join(packageRoot(), 'models/demo-pictures/train/shoes-and-bags', label);
    mkdirSync(join(folder, 'teach', label), { recursive: true });
    for (const [i, name] of readdirSync(from).sort().entries()) {
      const picture = readFileSync(join(from, name));
      if (i < TAUGHT) writeFileSync(join(folder, 'teach', label, name), picture);
    }
    const test = join(packageRoot(), 'models/demo-pictures/test/shoes-and-bags', label);
    for (const name of readdirSync(test).sort().slice(0, 20)) {
      const picture = sharp(join(test, name)).resize(640, 480, { fit: 'contain', kernel: 'cubic' });
      shown.push(await picture.jpeg({ quality: 90 }).toBuffer());
    }
  }
  return shown;
}

/** Of a process, in MiB (proc(5)). */
function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )![1];
  return Math.round(Number(kib) / 1024);
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
