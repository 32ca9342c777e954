import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { packageRoot } from '../backbone/manifest.js';
import { LichenError } from '../errors.js';
import { nightPicture } from './night.js';

/** One task of the demo's story. */
export interface DemoTask {
  name: string;
  title: string;
  isolation: 'piggyback' | 'pnn';
  /** Of the pictures that it is made from. */
  pictures: string;
  /** Shown under dim light, with noise and a turned camera. */
  night: boolean;
}

export const TASKS: readonly DemoTask[] = [
  { name: 'tops', title: 'tops', isolation: 'piggyback', pictures: 'tops', night: false },
  {
    name: 'shoes-and-bags',
    title: 'shoes and bags',
    isolation: 'piggyback',
    pictures: 'shoes-and-bags',
    night: false,
  },
  { name: 'night-shift', title: 'night shift', isolation: 'pnn', pictures: 'tops', night: true },
];

/** A test picture and what it shows. */
export interface TestPicture {
  file: string;
  label: string;
}

/** Ports of the demo's hub; they stay the same when it is stopped and started. */
export interface Ports {
  mqtt: number;
  http: number;
}

/** The demo's work folder: settings, inboxes, stores, logs, and at the end summary and report. */
export class DemoFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
  }

  /** A path in the folder. */
  at(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Empties the folder. Refuses one that holds anything but an earlier demo. */
  prepare(): void {
    const mark = this.at('.lichen-demo');
    if (existsSync(this.root) && readdirSync(this.root).length > 0 && !existsSync(mark)) {
      throw new LichenError(
        'demo-folder',
        `${this.root} is not empty and was not made by the demo; choose another with --folder`,
      );
    }
    rmSync(this.root, { recursive: true, force: true });
    for (const part of ['inbox', 'camera', 'logs', 'test', 'night'])
      mkdirSync(this.at(part), { recursive: true });
    writeFileSync(mark, '');
  }

  /** Writes the settings that `lichen hub` and `lichen agent` are started with. */
  writeConfigs(ports: Ports, mqttPort: number): void {
    const url = `mqtt://127.0.0.1:${mqttPort}`;
    const write = (name: string, settings: object) => writeFileSync(this.at(name), stringify(settings));
    write('hub.yaml', {
      store: this.at('hub'),
      mqtt: { host: '127.0.0.1', port: ports.mqtt },
      http: { host: '127.0.0.1', port: ports.http },
    });
    write('cam1.yaml', {
      device: { id: 'cam1' },
      store: this.at('cam1'),
      sources: [
        { kind: 'directory', path: this.at('inbox'), layout: 'task/class' },
        { kind: 'directory', path: this.at('camera'), layout: 'flat', task: 'tops' },
      ],
      tasks: { 'night-shift': { isolation: 'pnn' } },
      // The demo asks for each training, to show what comes before and after it.
      learn: { newLabels: 1_000_000 },
      replay: { cap: '8 MiB' },
      mqtt: { url },
    });
    write('cam2.yaml', {
      device: { id: 'cam2' },
      store: this.at('cam2'),
      mqtt: { url, protocol: 4 },
      packs: { trustedKeys: [this.at('signing-key.pem.pub')] },
    });
  }

  /** Makes a task's training and test pictures; those of the night shift are made from the day's. */
  async makePictures(
    { name, pictures, night }: DemoTask,
    fraction: number,
  ): Promise<{ train: TestPicture[]; test: TestPicture[] }> {
    const made: { train: TestPicture[]; test: TestPicture[] } = { train: [], test: [] };
    for (const part of ['train', 'test'] as const) {
      const from = join(packageRoot(), 'models', 'demo-pictures', part, pictures);
      for (const label of readdirSync(from).sort()) {
        const files = readdirSync(join(from, label)).sort();
        const to = this.at('night', part, name, label);
        if (night) mkdirSync(to, { recursive: true });
        for (const [i, file] of files.slice(0, Math.ceil(files.length * fraction)).entries()) {
          const source = join(from, label, file);
          const target = night ? join(to, file) : source;
          // Training and test pictures are dimmed with noise of their own.
          if (night)
            writeFileSync(
              target,
              await nightPicture(readFileSync(source), i + (part === 'test' ? 10_000 : 0)),
            );
          made[part].push({ file: target, label });
        }
      }
    }
    return made;
  }

  /** Puts labelled pictures into the first device's inbox, as a person copies folders. */
  label(task: string, pictures: readonly TestPicture[]): void {
    for (const { file, label } of pictures) {
      const folder = this.at('inbox', task, label);
      mkdirSync(folder, { recursive: true });
      cpSync(file, join(folder, file.split('/').at(-1)!));
    }
  }
}

/** Two TCP ports of this machine that nobody has now. */
export async function freePorts(): Promise<Ports> {
  return { mqtt: await freePort(), http: await freePort() };
}

export function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
}
