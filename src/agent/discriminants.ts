import type { Backbone } from '../backbone/backbone.js';
import type { CompileOptions, Engine } from '../engine/engine.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { FrozenFeatures } from '../recognize/frozen-features.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';
import { noteChanged } from './recent-labels.js';

/** Set while samples were taken out of what is in memory, and not yet of what is on the disk. */
const behindKey = (task: string) => `discriminant-behind:${task}`;

/** A labelled sample, with the time at which the memory kept it, in milliseconds since 1970. */
interface LabelledSample {
  task: string;
  label: string;
  at: number;
  latent: Uint8Array;
}

/**
 * The instant answers of all tasks, in memory while the agent runs. Their state is saved now and then, not at
 * every label (cards wear out); what came since the last save is taken from the replay memory at a start.
 */
export class Discriminants {
  private readonly store: Store;
  /** What the frozen network says of latents, for whoever else asks. */
  readonly features: FrozenFeatures;
  private readonly held = new Map<string, StreamingDiscriminant>();
  private readonly changed = new Set<string>();
  /** When the newest sample that each discriminant has seen was kept. */
  private readonly newest = new Map<string, number>();

  private constructor(store: Store, features: FrozenFeatures) {
    this.store = store;
    this.features = features;
  }

  static async open(
    engine: Engine,
    backbone: Backbone,
    store: Store,
    memory: ReplayMemory,
    options: CompileOptions = {},
  ): Promise<Discriminants> {
    const made = new Discriminants(store, await FrozenFeatures.open(engine, backbone, options));
    for (const task of store.tasks.list()) await made.load(task.name, memory);
    return made;
  }

  /** A task's discriminant, or undefined where it has seen nothing. */
  get(task: string): StreamingDiscriminant | undefined {
    return this.held.get(task);
  }

  /** Takes in labelled samples that are not held out. */
  async add(samples: readonly LabelledSample[]): Promise<void> {
    // What comes in again from an earlier time has another label now.
    for (const { task, at } of samples)
      if (at <= (this.newest.get(task) ?? 0)) noteChanged(this.store, task, at);
    await this.takeIn(samples);
  }

  private async takeIn(samples: readonly LabelledSample[]): Promise<void> {
    if (samples.length === 0) return;
    const summaries = await this.features.of(samples.map((s) => s.latent));
    samples.forEach(({ task, label, at }, i) => {
      let discriminant = this.held.get(task);
      if (!discriminant) {
        discriminant = new StreamingDiscriminant(this.features.blocks);
        this.held.set(task, discriminant);
      }
      discriminant.add(summaries[i]!, label);
      this.newest.set(task, Math.max(at, this.newest.get(task) ?? 0));
      this.changed.add(task);
    });
  }

  /** Takes out samples that were taken in; closed tasks keep what they have. */
  async remove(samples: readonly { task: string; label: string; latent: Uint8Array }[]): Promise<void> {
    if (samples.length === 0) return;
    for (const task of new Set(samples.map((s) => s.task))) this.store.settings.set(behindKey(task), 'yes');
    const summaries = await this.features.of(samples.map((s) => s.latent));
    samples.forEach(({ task, label }, i) => {
      this.held.get(task)?.remove(summaries[i]!, label);
      this.changed.add(task);
    });
  }

  /** Takes over what held-out samples have chosen. */
  tune(task: string, { shrinkage, temperature }: { shrinkage: number | null; temperature: number }): void {
    const discriminant = this.held.get(task);
    if (!discriminant) return;
    discriminant.shrinkage = shrinkage ?? discriminant.shrinkage;
    discriminant.calibrateTo(temperature);
    discriminant.release();
    this.changed.add(task);
  }

  /** Writes what changed since the last save. Closed tasks keep what they have. */
  save(): void {
    for (const task of this.changed) {
      if (this.store.tasks.get(task)?.closedAt !== undefined) continue;
      // Not the time of saving: a sample that the memory keeps right now may not have been taken in yet.
      const discriminant = this.held.get(task);
      if (!discriminant) continue;
      this.store.database.transaction(() => {
        this.store.discriminants.save(task, discriminant.encode(), this.newest.get(task));
        this.store.settings.set(behindKey(task), 'no');
      })();
    }
    this.changed.clear();
  }

  close(): Promise<void> {
    return this.features.close();
  }

  private async load(task: string, memory: ReplayMemory): Promise<void> {
    // What was taken out before a crash is still in what was saved: then it is made anew of what the memory holds.
    const behind = this.store.settings.get(behindKey(task)) === 'yes';
    const closed = this.store.tasks.require(task).closedAt !== undefined;
    const saved = this.store.discriminants.load(task);
    const before = saved && StreamingDiscriminant.decode(saved.state);
    if (before && (!behind || closed)) {
      this.held.set(task, before);
      this.newest.set(task, saved.updatedAt);
    }
    if (closed) return;
    const since = behind ? 0 : (saved?.updatedAt ?? 0);
    const missed = memory.refs({ task, heldOut: false }).filter((r) => r.at > since);
    await this.takeIn(missed.map((r) => ({ ...r, latent: memory.read(r) })));
    // What held-out samples have chosen holds for what is left.
    const made = this.held.get(task);
    if (before && behind && made) {
      made.shrinkage = before.shrinkage;
      made.temperatureScale = before.temperatureScale;
    }
  }
}
