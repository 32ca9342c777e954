import { join } from 'node:path';
import { pino } from 'pino';
import { Discriminants } from '../../src/agent/discriminants.js';
import { Backbone } from '../../src/backbone/backbone.js';
import { latentBytes } from '../../src/backbone/latent.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Trunk } from '../../src/backbone/trunk.js';
import { OrtEngine } from '../../src/engine/ort.js';
import type { LabelledLatent } from '../../src/learn/candidate.js';
import { Recognizer } from '../../src/recognize/recognizer.js';
import { isHeldOut } from '../../src/replay/held-out.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import { loadOrCreateKey } from '../../src/replay/vault.js';
import { openStore, type Store } from '../../src/store/store.js';
import type { Isolation, Task } from '../../src/store/tasks.js';
import { latentsOf, type Photograph } from './pictures.js';

export const quiet = pino({ level: 'silent' });

/** The default backbone, compiled; opened once for a test file, for it never changes. */
export interface Bedrock {
  engine: OrtEngine;
  backbone: Backbone;
  trunk: Trunk;
}

export async function openBedrock(): Promise<Bedrock> {
  const engine = new OrtEngine();
  const backbone = await Backbone.open(defaultManifest(), engine);
  return { engine, backbone, trunk: await backbone.openTrunk(engine, { threads: 1 }) };
}

/** What an agent keeps, opened on a folder as the agent opens it, without the agent. */
export class Rooms {
  readonly bedrock: Bedrock;
  readonly store: Store;
  readonly memory: ReplayMemory;
  readonly discriminants: Discriminants;
  readonly recognizer: Recognizer;

  private constructor(bedrock: Bedrock, store: Store, memory: ReplayMemory, discriminants: Discriminants) {
    this.bedrock = bedrock;
    this.store = store;
    this.memory = memory;
    this.discriminants = discriminants;
    this.recognizer = new Recognizer(bedrock.engine, bedrock.backbone, store, {
      live: (t) => discriminants.get(t),
    });
  }

  static async open(bedrock: Bedrock, folder: string, capBytes = 4 * 2 ** 20): Promise<Rooms> {
    const { engine, backbone } = bedrock;
    const store = openStore(folder);
    const memory = ReplayMemory.open({
      file: join(folder, 'replay.slab'),
      capBytes,
      latentBytes: latentBytes(backbone.latentCodec),
      key: loadOrCreateKey(join(folder, 'replay.key')),
      seed: 0,
    });
    return new Rooms(bedrock, store, memory, await Discriminants.open(engine, backbone, store, memory));
  }

  /** Creates a task, and keeps labelled photographs for it as the intake does. */
  async teach(
    name: string,
    pictures: readonly Photograph[],
    isolation: Isolation = 'piggyback',
  ): Promise<Task> {
    const { backbone, trunk } = this.bedrock;
    const latents = await latentsOf(backbone, trunk, pictures);
    await this.keep(name, pictures, latents, isolation);
    return this.store.tasks.require(name);
  }

  /** Keeps labelled latents. */
  async keep(
    name: string,
    pictures: readonly Photograph[],
    latents: readonly Uint8Array[],
    isolation: Isolation = 'piggyback',
  ): Promise<void> {
    const { store, memory, discriminants, bedrock } = this;
    if (!store.tasks.get(name)) store.tasks.create({ name, isolation, backbone: bedrock.backbone.id });
    const at = Date.now();
    const samples = pictures.map(({ id, label }, i) => {
      store.tasks.addClass(name, label);
      return { id, task: name, label, heldOut: isHeldOut(id), at, latent: latents[i]! };
    });
    for (const sample of samples) memory.add(sample);
    await discriminants.add(samples.filter((s) => !s.heldOut));
    memory.flush();
  }

  /** A task's samples as a training sees them. */
  samples(task: string): LabelledLatent[] {
    const { classes } = this.store.tasks.require(task);
    return this.memory.refs({ task }).map((ref) => ({
      latent: this.memory.read(ref),
      label: classes.indexOf(ref.label),
      heldOut: ref.heldOut,
      fresh: true,
    }));
  }

  async close(): Promise<void> {
    await this.recognizer.close();
    await this.discriminants.close();
    this.memory.close();
    this.store.close();
  }
}
