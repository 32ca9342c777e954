import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { type Rows, TaskNetwork } from '../learn/network.js';
import { calibrate } from '../learn/streaming/calibrate.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import type { WhitenedClasses } from '../learn/streaming/whitened.js';
import type { DiscriminantStore } from '../store/discriminants.js';
import type { Task, TaskStore } from '../store/tasks.js';
import type { VersionStore } from '../store/versions.js';
import type { Answer } from './answer.js';
import type { Explanation } from './chooser.js';
import type { RecentLabel } from './corrected-task.js';
import { FrozenFeatures, RARELY } from './frozen-features.js';
import { InstantAnswer } from './instant-answer.js';
import { KeptChoosers } from './kept-choosers.js';
import { KeptCorrections } from './kept-corrections.js';
import { Refinement } from './refinement.js';
import { checkBackbone, fitsBackbone, versionModel } from './task-model.js';

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

export interface RecognizerOptions {
  /** What the frozen network says, where somebody has it; made, and closed, by the recognizer otherwise. */
  features?: FrozenFeatures;
  /** A task's discriminant where one is held in memory; the store's is read otherwise. */
  live?: (task: string) => StreamingDiscriminant | undefined;
  /** Left out, nothing is called novel. */
  novelty?: NoveltyRule | undefined;
  /**
   * Whether a label is to be worth something at once: answers go by an earlier covariance until it has been factorized
   * anew beside them. Answers then depend on when they are asked for.
   */
  hurry?: boolean;
  /**
   * Labels of a task that came after the version that it runs was trained, oldest first, none of a held-out sample. Left out,
   * versions answer as they were trained.
   */
  recentLabels?: (task: string) => readonly RecentLabel[];
  /** Held-out samples of a task, to which the temperature of its instant answer is fitted. */
  heldOut?: (task: string) => readonly { label: string; latent: Uint8Array }[];
}

interface Loaded {
  network: { probabilities(latents: readonly Uint8Array[]): Promise<Rows>; close(): Promise<void> };
  classes: readonly string[];
  version: number | 'instant';
}

/** A task's instant answer, beside the version that it runs; no task has such a name. */
const instantKey = (task: string) => `${task}/instant`;

/**
 * Answers by what each task runs now. Networks are compiled when first asked for and kept until the task runs
 * something else (`forget`).
 */
export class Recognizer {
  private readonly engine: Engine;
  private readonly backbone: Backbone;
  private readonly store: RecognizerStore;
  private readonly options: RecognizerOptions;
  private readonly loaded = new Map<string, Promise<Loaded>>();
  private readonly choosers: KeptChoosers;
  /** The features that it has made itself. */
  private own: Promise<FrozenFeatures> | undefined;
  private readonly answering = new Set<Promise<unknown>>();
  /** What labels have changed since what a task runs was fitted. */
  private readonly corrections: KeptCorrections;
  private readonly refinement: Refinement;

  constructor(engine: Engine, backbone: Backbone, store: RecognizerStore, options: RecognizerOptions = {}) {
    const { novelty, hurry = false } = options;
    this.engine = engine;
    this.backbone = backbone;
    this.store = store;
    this.options = options;
    this.choosers = new KeptChoosers({
      features: () => this.features(),
      discriminants: (names) => this.discriminants(names),
      novelty: (names) => novelty && { falseAlarms: novelty.falseAlarms, heldOut: novelty.heldOut(names) },
      hurry,
    });
    this.corrections = new KeptCorrections({
      features: () => this.features(),
      labels: (task) => {
        const { recentLabels } = this.options;
        const labels = store.versions.current(task) ? recentLabels?.(task) : this.refinement.unrefined(task);
        return labels ?? [];
      },
      space: (task) => this.spaceOf(task),
      whitening: (task) => this.options.live?.(task)?.whitening,
      changing: (task) => this.changes(task),
      uncorrected: (task, latents) => this.uncorrected(task, latents),
    });
    this.refinement = new Refinement(
      (task, discriminant) => this.calibrate(task, discriminant),
      (task) => this.refined(task),
    );
  }

  /**
   * Answers for encoded latents, and says of each whether it is novel.
   * @param task whose classes are asked for; a sample is novel where none of them explains it. Where it is left out, the
   *   task that explains each sample best answers, and a sample is novel where none does
   * @throws LichenError `task-unknown`, `task-untrained`, and as `versionModel` does
   */
  classify(latents: readonly Uint8Array[], task?: string): Promise<Answer[]> {
    return this.track(this.answer(latents, task));
  }

  /**
   * The answers of a task for samples that are its own: whether they are novel is not asked.
   * @throws LichenError as `classify` does
   */
  classifyOwn(latents: readonly Uint8Array[], task: string): Promise<Answer[]> {
    return this.track(this.classifyIn(task, latents));
  }

  private track(answer: Promise<Answer[]>): Promise<Answer[]> {
    this.answering.add(answer);
    const done = () => this.answering.delete(answer);
    answer.then(done, done);
    return answer;
  }

  private async answer(latents: readonly Uint8Array[], task: string | undefined): Promise<Answer[]> {
    if (task !== undefined) return this.answerNamed(task, latents);
    const tasks = this.store.tasks.list();
    if (tasks.length === 0)
      throw new LichenError('task-unknown', 'there is no task yet; label some pictures first');
    const names = tasks.filter((t) => fitsBackbone(this.backbone, t)).map((t) => t.name);
    if (names.length <= 1 && !(this.options.novelty && this.discriminants(names).size > 0)) {
      return this.classifyIn(names[0] ?? tasks[0]!.name, latents);
    }
    const chosen = await (await this.choosers.among(names)).explain(latents);
    const answers: Answer[] = new Array(latents.length);
    for (const name of new Set(chosen.map((c) => c.task))) {
      const indices = chosen.flatMap((c, i) => (c.task === name ? [i] : []));
      const part = await this.classifyIn(
        name,
        indices.map((i) => latents[i]!),
      );
      indices.forEach((i, k) => {
        answers[i] = judged(part[k]!, chosen[i]!);
      });
    }
    return answers;
  }

  /** The answers of a task that was named; its own classes say what is novel. */
  private async answerNamed(task: string, latents: readonly Uint8Array[]): Promise<Answer[]> {
    const answers = await this.classifyIn(task, latents);
    // Of a task whose samples were never seen here, such as one of a pack, nothing says what is usual.
    if (!this.options.novelty || this.discriminants([task]).size === 0) return answers;
    const explained = await (await this.choosers.of(task)).explain(latents);
    return answers.map((answer, i) => judged(answer, explained[i]!));
  }

  /**
   * Notes that a label came: it counts from the next answer on.
   * @param sample what was labelled, unless it is held out
   */
  labelled(task: string, sample?: { id: string; label: string; latent: Uint8Array }): Promise<void> {
    this.corrections.labelled(task);
    const instant = !this.store.versions.current(task);
    if (sample && this.options.hurry) {
      const { id, label, latent } = sample;
      this.choosers.name({ id, task, label, latent });
      if (instant) {
        this.refinement.labelled(task, { id, label, latent: () => latent });
      }
    }
    return this.letGo(task, instant ? [task, instantKey(task)] : [instantKey(task)]);
  }

  /**
   * Lets go of what was loaded for a task, or of everything: it runs something else now.
   * @param sample the one whose label was taken back or changed; what others were labelled stays known
   */
  async forget(task?: string, sample?: string): Promise<void> {
    this.choosers.forget(task, sample);
    this.refinement.forget(task, sample);
    if (task !== undefined) return this.reload(task);
    this.corrections.forget();
    await this.letGo(undefined, [...this.loaded.keys()]);
  }

  private reload(task: string): Promise<void> {
    this.corrections.forget(task);
    return this.letGo(task, [task, instantKey(task)]);
  }

  /** @param task of which something is new; left out, of all */
  private async letGo(task: string | undefined, keys: readonly string[]): Promise<void> {
    this.choosers.changed(task);
    const networks = keys.map((key) => this.loaded.get(key));
    for (const key of keys) this.loaded.delete(key);
    // Whoever is being answered may hold a network that is let go of.
    await Promise.allSettled(this.answering);
    for (const loaded of networks) await loaded?.then((l) => l.network.close()).catch(() => {});
  }

  /** Lets go of everything. */
  async close(): Promise<void> {
    await this.refinement.settled();
    await this.forget();
    await this.choosers.close();
    await this.own?.then((features) => features.close()).catch(() => {});
    this.own = undefined;
  }

  /** Resolves when what is known of the classes is what answers go by. */
  async settled(): Promise<void> {
    await this.refinement.settled();
    await this.choosers.settled();
  }

  private async classifyIn(task: string, latents: readonly Uint8Array[]): Promise<Answer[]> {
    const corrected = await this.corrections.of(task);
    return corrected ? corrected.answer(latents) : this.uncorrected(task, latents);
  }

  /** A task's answers without what labels have changed since its version was trained. */
  private async uncorrected(task: string, latents: readonly Uint8Array[]): Promise<Answer[]> {
    const loaded = await this.loadedAs(task, () => this.load(this.store.tasks.require(task)));
    const answers = await answersBy(loaded, task, latents);
    if (loaded.version === 'instant' || !this.options.hurry) return answers;
    return this.withLaterClasses(task, loaded, latents, answers);
  }

  /** Answers of a task's version, and of its instant answer for classes that came later. */
  private async withLaterClasses(
    task: string,
    loaded: Loaded,
    latents: readonly Uint8Array[],
    answers: Answer[],
  ): Promise<Answer[]> {
    // A class that the version has not been trained on yet is known to the instant answer alone.
    const discriminant = this.discriminants([task]).get(task);
    const later = laterClasses(discriminant, loaded);
    if (!discriminant || later.length === 0) return answers;
    const instant = await this.loadedAs(instantKey(task), () => this.loadInstant(task, discriminant));
    const others = await answersBy(instant, task, latents);
    return answers.map((a, i) => (later.includes(others[i]!.label) ? others[i]! : a));
  }

  /** Whether a task's answers without corrections are others with every label: by the instant answer, which knows later classes. */
  private async changes(task: string): Promise<boolean> {
    const loaded = await this.loadedAs(task, () => this.load(this.store.tasks.require(task)));
    return (
      loaded.version === 'instant' || laterClasses(this.discriminants([task]).get(task), loaded).length > 0
    );
  }

  /** The space of a task's discriminant, which is factorized beside where that is due. */
  private spaceOf(task: string): WhitenedClasses | undefined {
    const discriminant = this.options.live?.(task);
    if (discriminant?.isDue) this.refinement.begin(task, discriminant);
    return discriminant?.whitenedNow();
  }

  private loadedAs(key: string, open: () => Promise<Loaded>): Promise<Loaded> {
    const known = this.loaded.get(key);
    if (known) return known;
    const opening = open();
    this.loaded.set(key, opening);
    opening.catch(() => {
      if (this.loaded.get(key) === opening) this.loaded.delete(key);
    });
    return opening;
  }

  private async load(task: Task): Promise<Loaded> {
    checkBackbone(this.backbone, task);
    const version = this.store.versions.current(task.name);
    if (version) {
      const deployed = versionModel(this.backbone, this.store.versions, task, version);
      return {
        network: await TaskNetwork.open(this.engine, deployed, this.backbone.latentCodec, RARELY),
        classes: version.classes,
        version: version.number,
      };
    }
    const discriminant = this.discriminants([task.name]).get(task.name);
    if (discriminant) return this.loadInstant(task.name, discriminant);
    throw new LichenError('task-untrained', `task '${task.name}' has no labelled sample and no version yet`);
  }

  private async loadInstant(task: string, discriminant: StreamingDiscriminant): Promise<Loaded> {
    // A label is worth something at once: the covariance of many samples is hardly another with one more.
    const head = await discriminant.head(discriminant.isDue && !this.options.hurry);
    if (discriminant.isDue && this.options.hurry) this.refinement.begin(task, discriminant);
    const network = new InstantAnswer(await this.features(), head);
    return { network, classes: head.classes, version: 'instant' };
  }

  private async features(): Promise<FrozenFeatures> {
    if (this.options.features) return this.options.features;
    this.own ??= FrozenFeatures.open(this.engine, this.backbone);
    return this.own;
  }

  /** A task's covariance is new, and what goes by it is made anew. */
  private refined(task: string): Promise<void> {
    this.choosers.refined(task);
    if (!this.store.versions.current(task)) return this.reload(task);
    // The version does not go by the covariance; only what lies beside it does.
    this.corrections.forget(task);
    return this.letGo(task, [instantKey(task)]);
  }

  private async calibrate(task: string, discriminant: StreamingDiscriminant): Promise<void> {
    const heldOut = this.options.heldOut?.(task) ?? [];
    if (heldOut.length === 0) return;
    const summaries = await (await this.features()).of(heldOut.map((s) => s.latent));
    await calibrate(
      discriminant,
      summaries,
      heldOut.map((s) => s.label),
    );
  }

  private discriminants(names: readonly string[]): Map<string, StreamingDiscriminant> {
    const found = new Map<string, StreamingDiscriminant>();
    for (const name of names) {
      const live = this.options.live?.(name);
      const saved = live ? undefined : this.store.discriminants.load(name);
      const discriminant = live ?? (saved && StreamingDiscriminant.decode(saved.state));
      if (discriminant && discriminant.samples >= 2) found.set(name, discriminant);
    }
    return found;
  }
}

async function answersBy(
  { network, classes, version }: Loaded,
  task: string,
  latents: readonly Uint8Array[],
): Promise<Answer[]> {
  const rows = await network.probabilities(latents);
  return latents.map((_, i) => {
    const all = classes
      .map((label, c) => ({ label, probability: rows.data[i * rows.width + c]! }))
      .sort((a, b) => b.probability - a.probability);
    return { task, label: all[0]!.label, probability: all[0]!.probability, version, all, novel: false };
  });
}

function judged(answer: Answer, { novel, pValue }: Explanation): Answer {
  return { ...answer, novel, ...(pValue !== undefined && { pValue }) };
}

/** Classes that are known to a task's instant answer, and not to what it runs. */
function laterClasses(discriminant: StreamingDiscriminant | undefined, { classes }: Loaded): string[] {
  return discriminant?.classes.filter((label) => !classes.includes(label)) ?? [];
}
