import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes } from 'aedes';
import sharp from 'sharp';
import { packageRoot } from '../src/backbone/manifest.js';
import { LEAN_ALLOCATOR } from '../src/process-memory.js';
import { median } from './statistics.js';

/** What a camera shows, and how the agent looks at it. */
interface Case {
  name: string;
  /** Pictures that the camera sends a second; 0 sends the next when the one before was answered. */
  sent: number;
  /** Whether what it shows changes with every picture. */
  changes: boolean;
  settings: Record<string, unknown>;
}

/** The agent's share of one processor core over one case, and what it did for it. */
export interface CameraRow {
  case: string;
  seconds: number;
  /** Processor time of the agent's process for each second, in per cent of one core. */
  agentPercent: number;
  /** The same of ffmpeg. */
  programPercent: number;
  answersPerSecond: number;
  /** From sending a picture to the answer at the broker, where they were sent one by one; milliseconds. */
  latencyMs: number | null;
}

const WIDTH = 640;
const HEIGHT = 480;
const CASES: readonly Case[] = [
  { name: 'no camera', sent: 0, changes: false, settings: {} },
  { name: 'ten a second, one looked at', sent: 10, changes: true, settings: { passthrough: true, rate: 1 } },
  { name: 'the same, decoded by ffmpeg', sent: 10, changes: true, settings: { rate: 1 } },
  {
    name: 'ten a second, one looked at, nothing moves',
    sent: 10,
    changes: false,
    settings: { passthrough: true, rate: 1, trigger: { motion: {} } },
  },
  { name: 'as many as can be answered', sent: 0, changes: true, settings: { passthrough: true, rate: 0 } },
];

/**
 * Measures an agent that sees through ffmpeg: motion JPEG over HTTP on this machine, 640 x 480, and answers with a task's
 * instant answer. The agent is the real program in a process of its own, with its profile's threads.
 * @param seconds how long each case is measured, after it has run for a while
 */
export async function measureCamera(
  { seconds, program }: { seconds: number; program: string },
  say: (text: string) => void,
): Promise<CameraRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lichen-camera-'));
  const camera = await Camera.start();
  const broker = await Broker.start();
  try {
    const pictures = await teach(folder);
    const rows: CameraRow[] = [];
    for (const one of CASES) {
      say(one.name);
      rows.push(await measure(one, { seconds, program, folder, pictures, camera, broker }));
    }
    return rows;
  } finally {
    await camera.stop();
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Two classes of the demo's photographs, large: eight of each to learn, and others to show. */
async function teach(folder: string): Promise<Buffer[]> {
  const shown: Buffer[] = [];
  for (const label of ['bag', 'sandal']) {
    const from = join(packageRoot(), 'models/demo-pictures/train/shoes-and-bags', label);
    mkdirSync(join(folder, 'teach', label), { recursive: true });
    for (const [i, name] of readdirSync(from).sort().slice(0, 16).entries()) {
      const picture = await sharp(join(from, name))
        .resize(WIDTH, HEIGHT, { fit: 'fill', kernel: 'cubic' })
        .jpeg({ quality: 90 })
        .toBuffer();
      if (i < 8) writeFileSync(join(folder, 'teach', label, `${i}.jpg`), picture);
      else shown.push(picture);
    }
  }
  // By turns, so that no picture is like the one before.
  return shown.map((_, i) => shown[(i % 2) * (shown.length / 2) + (i >> 1)]!);
}

interface Setting {
  seconds: number;
  program: string;
  folder: string;
  pictures: readonly Buffer[];
  camera: Camera;
  broker: Broker;
}

async function measure({ name, sent, changes, settings }: Case, setting: Setting): Promise<CameraRow> {
  const { seconds, program, folder, pictures, camera, broker } = setting;
  const seen = Object.keys(settings).length > 0;
  const file = join(folder, 'agent.json');
  const store = mkdtempSync(join(folder, 'store-'));
  const source = {
    kind: 'ffmpeg',
    task: 'goods',
    input: camera.url,
    drop: { duplicates: false },
    ...settings,
  };
  const teaching = { kind: 'directory', path: join(folder, 'teach'), layout: 'class', task: 'goods' };
  const config = {
    device: { id: 'camera' },
    store,
    mqtt: { url: broker.url },
    schedule: { train: '' },
    learn: { newLabels: 1000 },
    log: 'error',
    sources: [teaching, ...(seen ? [source] : [])],
  };
  // YAML contains JSON.
  writeFileSync(file, JSON.stringify(config));
  const agent = spawn(process.execPath, [program, 'agent', '--config', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...LEAN_ALLOCATOR, ...process.env },
  });
  let next = 0;
  const show = () => camera.send(pictures[changes ? next++ % pictures.length : 0]!);
  const timer = sent > 0 ? setInterval(show, 1000 / sent) : undefined;
  try {
    await broker.metrics();
    const shownAt: number[] = [];
    const latencies: number[] = [];
    if (seen && sent === 0) {
      broker.onAnswer = () => {
        if (shownAt.length > 0) latencies.push(performance.now() - shownAt.at(-1)!);
        shownAt.push(performance.now());
        show();
      };
      // ffmpeg looks at a second of pictures before it gives the first.
      while (broker.answers === 0) {
        show();
        await sleep(100);
      }
    }
    // What was taught is behind it by then, and ffmpeg runs.
    await sleep(10_000);
    latencies.length = 0;
    const before = {
      agent: cpu(agent.pid!),
      programs: programsOf(agent),
      answers: broker.answers,
      at: performance.now(),
    };
    await sleep(1000 * seconds);
    const took = (performance.now() - before.at) / 1000;
    const percent = (ticks: number) => Math.round((100 * 100 * ticks) / took) / 100;
    return {
      case: name,
      seconds: Math.round(took),
      agentPercent: percent(cpu(agent.pid!) - before.agent),
      programPercent: percent(programsOf(agent) - before.programs),
      answersPerSecond: Math.round((100 * (broker.answers - before.answers)) / took) / 100,
      latencyMs: latencies.length > 0 ? Math.round(10 * median(latencies)) / 10 : null,
    };
  } finally {
    clearInterval(timer);
    broker.onAnswer = () => {};
    broker.answers = 0;
    const ended = new Promise((resolve) => agent.once('exit', resolve));
    agent.kill('SIGTERM');
    await ended;
  }
}

/** Processor seconds of a process so far (proc(5): utime and stime, a hundred a second). */
export function cpu(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Processor seconds of the programs that an agent runs. */
function programsOf({ pid }: ChildProcess): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? 0 : children.split(' ').reduce((sum, child) => sum + cpu(Number(child)), 0);
}

/** Motion JPEG over HTTP on loopback. */
export class Camera {
  private readonly server: Server;
  private readonly viewers = new Set<ServerResponse>();

  private constructor() {
    this.server = createServer((_, response) => {
      this.viewers.add(response);
      response.on('close', () => this.viewers.delete(response));
      response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=frame' });
      response.write('--frame\r\n');
    });
  }

  static async start(): Promise<Camera> {
    const camera = new Camera();
    await new Promise<void>((resolve) => camera.server.listen(0, '127.0.0.1', resolve));
    return camera;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  send(picture: Buffer): void {
    const head = `Content-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`;
    for (const viewer of this.viewers)
      viewer.write(Buffer.concat([Buffer.from(head), picture, Buffer.from('\r\n--frame\r\n')]));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/** A broker that counts answers. */
class Broker {
  answers = 0;
  onAnswer: () => void = () => {};
  readonly url: string;
  private readonly aedes: Aedes;
  private readonly close: () => Promise<void>;
  private onMetrics: () => void = () => {};

  private constructor(aedes: Aedes, url: string, close: () => Promise<void>) {
    this.aedes = aedes;
    this.url = url;
    this.close = close;
    aedes.on('publish', ({ topic }) => {
      if (topic.endsWith('/metrics')) this.onMetrics();
      if (!topic.includes('/result/')) return;
      this.answers += 1;
      this.onAnswer();
    });
  }

  static async start(): Promise<Broker> {
    const aedes = await Aedes.createBroker();
    const server = createTcpServer({ noDelay: true }, (socket) => aedes.handle(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new Broker(aedes, url, () => new Promise((resolve) => server.close(() => resolve())));
  }

  /** Resolves when an agent reports: it is up by then. */
  metrics(): Promise<void> {
    return new Promise((resolve) => {
      this.onMetrics = resolve;
    });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.aedes.close(() => resolve()));
    await this.close();
  }
}
