import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { TaskNetwork } from '../learn/network.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import type { DiscriminantStore } from '../store/discriminants.js';
import type { Task, TaskStore } from '../store/tasks.js';
import type { VersionStore } from '../store/versions.js';
import { TaskChooser } from './chooser.js';
import { checkBackbone, fitsBackbone, instantModel, versionModel } from './task-model.js';

export interface Answer {
  task: string;
  label: string;
  probability: number;
  /** Number of the version that answered, or `instant`. */
  version: number | 'instant';
  /** Every class with its probability, likeliest first. */
  all: { label: string; probability: number }[];
  /** Whether no class of any task explains the sample; never where novelty is not asked for or cannot be told yet. */
  novel: boolean;
  /** Share of known samples that look at least as novel, where it can be told. */
  pValue?: number;
}

/** How a recognizer tells what is novel. */
export interface NoveltyRule {
  /** Share of known samples that may be called novel. */
  falseAlarms: number;
  /** Latents of some tasks that were held out. */
  heldOut: (tasks: readonly string[]) => Uint8Array[];
}

/** What a recognizer reads of a store. */
export interface RecognizerStore {
  tasks: TaskStore;
  versions: VersionStore;
  discriminants: DiscriminantStore;
}

/** Share of new samples up to which an instant answer goes by the covariance before them. */
const FEW_NEW = 0.1;
/** Part of the time that choosers are made anew in, at most: with many tasks each takes seconds. */
const RENEWING_SHARE = 0.1;

interface Chooser {
  opening: Promise<TaskChooser>;
  tasks: string;
  /** The classes that it knows: with others it has to be made anew at once. */
  classes: string;
  /** What a class looks like has changed since. */
  stale: boolean;
  /** Before this time it is not made anew. */
  until: number;
}

interface Loaded {
  network: TaskNetwork;
  classes: readonly string[];
  version: number | 'instant';
}

/** Pictures come one by one, with time between them: spinning threads would take three times the processor's time. */
const RARELY = { spin: false } as const;

/**
 * Answers by what each task runs now. Networks are compiled when first asked for and kept until the task runs
 * something else (`forget`).
 */
export class Recognizer {
  private readonly engine: Engine;
  private readonly backbone: Backbone;
  private readonly store: RecognizerStore;
  private readonly live: (task: string) => StreamingDiscriminant | undefined;
  private readonly loaded = new Map<string, Promise<Loaded>>();
  private readonly novelty: NoveltyRule | undefined;
  private chooser: Chooser | undefined;
  /** A chooser that is being made anew while the one before goes on. */
  private renewing: Promise<void> | undefined;
  private readonly answering = new Set<Promise<unknown>>();

  /**
   * @param live a task's discriminant where one is held in memory; the store's is read otherwise
   * @param novelty left out, nothing is called novel
   */
  constructor(
    engine: Engine,
    backbone: Backbone,
    store: RecognizerStore,
    live: (task: string) => StreamingDiscriminant | undefined = () => undefined,
    novelty?: NoveltyRule,
  ) {
    this.novelty = novelty;
    this.engine = engine;
    this.backbone = backbone;
    this.store = store;
    this.live = live;
  }

  /**
   * Answers for encoded latents.
   * @param task whose classes are asked for, whether they explain the sample or not; where it is left out, the task
   *   that explains each sample best
   * @throws LichenError `task-unknown`, `task-untrained`, and as `versionModel` does
   */
  classify(latents: readonly Uint8Array[], task?: string): Promise<Answer[]> {
    const answer = this.answer(latents, task);
    this.answering.add(answer);
    const done = () => this.answering.delete(answer);
    answer.then(done, done);
    return answer;
  }

  private async answer(latents: readonly Uint8Array[], task: string | undefined): Promise<Answer[]> {
    if (task !== undefined) return this.classifyIn(task, latents);
    const tasks = this.store.tasks.list();
    if (tasks.length === 0)
      throw new LichenError('task-unknown', 'there is no task yet; label some pictures first');
    const names = tasks.filter((t) => fitsBackbone(this.backbone, t)).map((t) => t.name);
    if (names.length <= 1 && !(this.novelty && this.discriminants(names).size > 0)) {
      return this.classifyIn(names[0] ?? tasks[0]!.name, latents);
    }
    const chosen = await (await this.chooserFor(names)).explain(latents);
    const answers: Answer[] = new Array(latents.length);
    for (const name of new Set(chosen.map((c) => c.task))) {
      const indices = chosen.flatMap((c, i) => (c.task === name ? [i] : []));
      const part = await this.classifyIn(
        name,
        indices.map((i) => latents[i]!),
      );
      indices.forEach((i, k) => {
        const { novel, pValue } = chosen[i]!;
        answers[i] = { ...part[k]!, novel, ...(pValue !== undefined && { pValue }) };
      });
    }
    return answers;
  }

  /** Lets go of what was loaded for a task, or of everything: it runs something else now. */
  async forget(task?: string): Promise<void> {
    const names = task === undefined ? [...this.loaded.keys()] : [task];
    if (this.chooser) this.chooser.stale = true;
    const networks = names.map((name) => this.loaded.get(name));
    for (const name of names) this.loaded.delete(name);
    // Whoever is being answered may hold a network that is let go of.
    await Promise.allSettled(this.answering);
    for (const loaded of networks) await loaded?.then((l) => l.network.close()).catch(() => {});
  }

  /** Lets go of everything. */
  async close(): Promise<void> {
    await this.forget();
    await this.renewing;
    const { chooser } = this;
    this.chooser = undefined;
    await chooser?.opening.then((c) => c.close()).catch(() => {});
  }

  /** Resolves when what is known of the classes is what answers go by. */
  async settled(): Promise<void> {
    await this.renewing;
  }

  private chooserFor(names: readonly string[]): Promise<TaskChooser> {
    const { chooser } = this;
    const tasks = names.join();
    if (chooser?.tasks === tasks && !chooser.stale) return chooser.opening;
    const found = this.discriminants(names);
    const classes = JSON.stringify([...found].map(([name, d]) => [name, d.classes]));
    if (chooser?.classes === classes) {
      if (chooser.stale && !this.renewing && Date.now() >= chooser.until) {
        this.renewing = this.renew(names, classes).finally(() => {
          this.renewing = undefined;
        });
      }
      return chooser.opening;
    }
    const opening = this.openChooser(names);
    const made: Chooser = { opening, tasks, classes, stale: false, until: 0 };
    this.chooser = made;
    if (chooser) void this.letGo(chooser);
    // What failed is tried again: there may be a labelled sample by then.
    opening.catch(() => {
      if (this.chooser === made) this.chooser = undefined;
    });
    return opening;
  }

  /** Makes the chooser anew beside the one that answers meanwhile. */
  private async renew(names: readonly string[], classes: string): Promise<void> {
    const before = this.chooser!;
    before.stale = false;
    const begun = Date.now();
    const opening = this.openChooser(names);
    try {
      await opening;
    } catch {
      // It stays as it was, and is tried again with the next change.
      return;
    }
    const took = Date.now() - begun;
    if (this.chooser !== before) return opening.then((c) => c.close());
    const until = Date.now() + took / RENEWING_SHARE;
    this.chooser = { opening, tasks: names.join(), classes, stale: before.stale, until };
    await this.letGo(before);
  }

  /** Closes a chooser when nobody is being answered by it any more. */
  private async letGo({ opening }: Chooser): Promise<void> {
    await Promise.allSettled(this.answering);
    await opening.then((c) => c.close()).catch(() => {});
  }

  private openChooser(names: readonly string[]): Promise<TaskChooser> {
    const novelty = this.novelty && {
      falseAlarms: this.novelty.falseAlarms,
      heldOut: this.novelty.heldOut(names),
    };
    return TaskChooser.open(this.engine, this.backbone, this.discriminants(names), novelty);
  }

  private async classifyIn(task: string, latents: readonly Uint8Array[]): Promise<Answer[]> {
    let loading = this.loaded.get(task);
    if (!loading) {
      const opening = this.load(this.store.tasks.require(task));
      this.loaded.set(task, opening);
      opening.catch(() => {
        if (this.loaded.get(task) === opening) this.loaded.delete(task);
      });
      loading = opening;
    }
    const { network, classes, version } = await loading;
    const rows = await network.probabilities(latents);
    return latents.map((_, i) => {
      const all = classes
        .map((label, c) => ({ label, probability: rows.data[i * rows.width + c]! }))
        .sort((a, b) => b.probability - a.probability);
      return { task, label: all[0]!.label, probability: all[0]!.probability, version, all, novel: false };
    });
  }

  private async load(task: Task): Promise<Loaded> {
    checkBackbone(this.backbone, task);
    const version = this.store.versions.current(task.name);
    const codec = this.backbone.latentCodec;
    if (version) {
      const deployed = versionModel(this.backbone, this.store.versions, task, version);
      return {
        network: await TaskNetwork.open(this.engine, deployed, codec, RARELY),
        classes: version.classes,
        version: version.number,
      };
    }
    const discriminant = this.discriminants([task.name]).get(task.name);
    if (!discriminant) {
      throw new LichenError(
        'task-untrained',
        `task '${task.name}' has no labelled sample and no version yet`,
      );
    }
    // A label is worth something at once: the covariance of many samples is hardly another with one more.
    const head = await discriminant.head(discriminant.unfactored > FEW_NEW * discriminant.samples);
    const network = await TaskNetwork.open(this.engine, instantModel(this.backbone, head), codec, RARELY);
    return { network, classes: head.classes, version: 'instant' };
  }

  private discriminants(names: readonly string[]): Map<string, StreamingDiscriminant> {
    const found = new Map<string, StreamingDiscriminant>();
    for (const name of names) {
      const saved = this.live(name) ? undefined : this.store.discriminants.load(name);
      const discriminant = this.live(name) ?? (saved && StreamingDiscriminant.decode(saved.state));
      if (discriminant && discriminant.samples >= 2) found.set(name, discriminant);
    }
    return found;
  }
}
