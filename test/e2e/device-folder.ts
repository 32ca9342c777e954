import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { latentBytes } from '../../src/backbone/latent.js';
import { StreamingDiscriminant } from '../../src/learn/streaming/slda.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import type { SampleRef } from '../../src/replay/sample.js';
import { loadOrCreateKey } from '../../src/replay/vault.js';
import { openStore } from '../../src/store/store.js';
import type { Photograph } from '../agent/pictures.js';
import { Running } from './programs.js';

/** What a device's folder holds, as a test finds it there. */
export interface Kept {
  /** Files that were acknowledged as taken, with the id of the sample that each became. */
  seen: { path: string; sample: string | null }[];
  rejects: number;
  refs: SampleRef[];
  /** Labelled samples in each task's instant answer, as it was saved. */
  discriminants: Record<string, number>;
  outbox: number;
}

/** A device on this machine: its inbox of labelled pictures, its camera's folder, its store, its settings. */
export class DeviceFolder {
  readonly root: string;
  readonly store: string;
  readonly capBytes: number;
  private readonly settings: Record<string, unknown>;

  constructor(url: string, settings: Record<string, unknown> = {}, capBytes = 4 * 2 ** 20, id = 'cam') {
    this.root = mkdtempSync(join(tmpdir(), 'lichen-device-'));
    this.store = join(this.root, 'store');
    this.capBytes = capBytes;
    for (const part of ['inbox', 'camera']) mkdirSync(join(this.root, part));
    this.settings = {
      device: { id },
      profile: 'generic-x86',
      store: this.store,
      sources: [
        { kind: 'directory', path: join(this.root, 'inbox'), layout: 'task/class', settle: '50 ms' },
        { kind: 'directory', path: join(this.root, 'camera'), task: 'goods', settle: '50 ms' },
      ],
      learn: { newLabels: 1_000_000, epochs: 2, batch: 8 },
      schedule: { train: '' },
      replay: { cap: capBytes },
      mqtt: { url, reconnectMax: '1 s' },
      guards: { minFreeMemory: 0, minFreeDisk: 0, maxTemperature: 1000, onBattery: true },
      log: 'debug',
      ...settings,
    };
  }

  /** Starts `lichen agent` on it. */
  start(): Running {
    return new Running('agent', join(this.root, 'agent.yaml'), this.settings);
  }

  /** Puts labelled pictures into the inbox, each at once and whole. */
  label(task: string, pictures: readonly Photograph[]): void {
    for (const { file, bytes, label } of pictures) {
      this.put(['inbox', task, label, `${label}-${file.split('/').at(-1)}`], bytes);
    }
  }

  /** Shows a picture to the camera; returns its path. */
  show(name: string, bytes: Uint8Array): string {
    return this.put(['camera', name], bytes);
  }

  /** What the database says, beside the running agent. */
  look(): Omit<Kept, 'refs'> {
    if (!existsSync(join(this.store, 'agent.db'))) {
      return { seen: [], rejects: 0, discriminants: {}, outbox: 0 };
    }
    return read(this.store);
  }

  /** Everything that is kept, from a copy: whatever the crash left is for the agent itself to put right. */
  inspect(): Kept {
    const copy = join(this.root, 'copy');
    rmSync(copy, { recursive: true, force: true });
    if (!existsSync(join(this.store, 'replay.slab'))) return { ...this.look(), refs: [] };
    cpSync(this.store, copy, { recursive: true });
    const memory = ReplayMemory.open({
      file: join(copy, 'replay.slab'),
      capBytes: this.capBytes,
      latentBytes: latentBytes({ channels: 192, positions: 49 }),
      key: loadOrCreateKey(join(copy, 'replay.key')),
      seed: 0,
    });
    try {
      const refs = memory.refs();
      // Every one of them can be read.
      for (const ref of refs) memory.read(ref);
      return { ...read(copy), refs };
    } finally {
      memory.close();
    }
  }

  /** Bytes that the replay memory takes on the disk, in blocks. */
  slabBytes(): number {
    const found = statSync(join(this.store, 'replay.slab'), { throwIfNoEntry: false });
    return found === undefined ? 0 : Math.max(found.size, found.blocks * 512);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private put(path: readonly string[], bytes: Uint8Array): string {
    const file = join(this.root, ...path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(`${file}.tmp`, bytes);
    renameSync(`${file}.tmp`, file);
    return file;
  }
}

function read(folder: string): Omit<Kept, 'refs'> {
  let store: ReturnType<typeof openStore>;
  try {
    store = openStore(folder, { readOnly: true });
  } catch {
    // It was created a moment ago and has no tables yet.
    return { seen: [], rejects: 0, discriminants: {}, outbox: 0 };
  }
  try {
    const rows = <Row>(sql: string) => store.database.prepare<Row>(sql).all();
    return {
      seen: rows<{ path: string; sample: string | null }>('SELECT path, sample FROM seen ORDER BY path'),
      rejects: store.rejects.count(),
      discriminants: Object.fromEntries(
        store.tasks.list().flatMap(({ name }) => {
          const saved = store.discriminants.load(name);
          return saved ? [[name, StreamingDiscriminant.decode(saved.state).samples]] : [];
        }),
      ),
      outbox: rows<{ n: number }>('SELECT count(*) AS n FROM outbox')[0]!.n,
    };
  } finally {
    store.close();
  }
}
