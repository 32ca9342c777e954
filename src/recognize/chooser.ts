import { LichenError } from '../errors.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import type { Evidence, WhitenedClasses } from '../learn/streaming/whitened.js';
import type { FrozenFeatures } from './frozen-features.js';
import { Novelty, TaskNovelty } from './novelty.js';

/** What explains a sample, and whether anything does. */
export interface Explanation {
  /** The nearest class, and its task. */
  task: string;
  label: string;
  /** Whether no class of any task explains it; false where that cannot be told yet. */
  novel: boolean;
  /** How much speaks against all classes; undefined as `pValue` is. */
  score?: number;
  /** Share of known samples of the task that look at least as novel; undefined where there are too few held-out ones. */
  pValue?: number;
}

/** A labelled sample. */
export interface NamedSample {
  id: string;
  task: string;
  label: string;
  latent: Uint8Array;
}

/** A sample is much the same as a labelled one from this cosine on: photographs of the same thing seldom come to it. */
const SAME = 0.5;

/** How novelty is told. */
export interface NoveltySetting {
  /** Share of known samples of each task that may be called novel. */
  falseAlarms: number;
  /** Latents of known classes that no discriminant was fitted on. */
  heldOut: readonly Uint8Array[];
}

/**
 * Finds the task that explains a sample best: the task of the nearest class, in the frozen features, under one
 * covariance pooled over all tasks; and whether it is any. A task whose samples were never seen here (one that came as
 * a pack) cannot be found so, and has to be named.
 */
export class TaskChooser {
  /** Names of the classes that it knows, as `<task>/<class>`. */
  readonly classes: readonly string[];
  private readonly features: FrozenFeatures;
  private readonly space: WhitenedClasses;
  private readonly novelty: TaskNovelty | undefined;
  /** Samples that are known as what they are. */
  private named: readonly NamedSample[] = [];
  /** Where they lie, [named, width]. */
  private directions: Float32Array = new Float32Array(0);

  private constructor(features: FrozenFeatures, space: WhitenedClasses, novelty: TaskNovelty | undefined) {
    this.features = features;
    this.space = space;
    this.novelty = novelty;
    this.classes = space.classes;
  }

  /**
   * @param novelty left out, nothing is called novel
   * @throws LichenError `task-untrained` when no task has been seen here
   */
  static async open(
    features: FrozenFeatures,
    discriminants: ReadonlyMap<string, StreamingDiscriminant>,
    novelty?: NoveltySetting,
  ): Promise<TaskChooser> {
    // A single task's covariance is factorized once, for its own answers, too, and as seldom as for those.
    const [only] = discriminants.values();
    const exact = discriminants.size !== 1 || only!.isDue;
    if (discriminants.size === 1) await only!.factorized(exact);
    const space = await mergedOf(discriminants).whitened(exact);
    const known = novelty && novelty.heldOut.length >= Novelty.samplesFor(novelty.falseAlarms);
    if (!known) return new TaskChooser(features, space, undefined);
    const heldOut = await features.of(novelty.heldOut);
    await space.whitening.prepare(features.products, heldOut);
    const calibration = heldOut.map((summary) => {
      const evidence = space.evidence(summary);
      return { task: nearestOf(space, evidence).task, evidence };
    });
    return new TaskChooser(
      features,
      space,
      new TaskNovelty(calibration, novelty.falseAlarms, space.classes.length),
    );
  }

  /**
   * One in a hurry, after a label: the classes are those of now, covariance and novelty those of the chooser before; where
   * there was none, classes are told by their means at first, and nothing is novel.
   * @throws LichenError `task-untrained` when no task has been seen here
   */
  static async openQuickly(
    features: FrozenFeatures,
    discriminants: ReadonlyMap<string, StreamingDiscriminant>,
    before: TaskChooser | undefined,
  ): Promise<TaskChooser> {
    const merged = mergedOf(discriminants);
    const space = before ? merged.whitenedAs(before.space) : await merged.whitened(false);
    return new TaskChooser(features, space, before?.novelty);
  }

  /** The task's name for each latent. */
  async choose(latents: readonly Uint8Array[]): Promise<string[]> {
    return (await this.explain(latents)).map(({ task }) => task);
  }

  /** What explains each latent. */
  async explain(latents: readonly Uint8Array[]): Promise<Explanation[]> {
    const summaries = await this.features.of(latents);
    await this.space.whitening.prepare(this.features.products, summaries);
    const named = await this.namedAs(summaries);
    return summaries.map((summary, i) => {
      const evidence = this.space.evidence(summary);
      const nearest = nearestOf(this.space, evidence);
      const judged = { ...nearest, novel: false, ...this.novelty?.judge(nearest.task, evidence) };
      return named[i] ? { ...judged, ...named[i], novel: false } : judged;
    });
  }

  /** Takes in what some samples are, in place of those before: they and what is much the same are explained so, and not novel. */
  async know(samples: readonly NamedSample[]): Promise<void> {
    const { named, directions: known } = this;
    const before = new Map(named.map((sample, i) => [sample, i]));
    if (samples.length === before.size && samples.every((s) => before.has(s))) return;
    const missing = samples.filter((s) => !before.has(s));
    const summaries = await this.features.of(missing.map((s) => s.latent));
    await this.space.whitening.prepare(this.features.products, summaries);
    const found = new Map(missing.map((s, i) => [s, this.space.direction(summaries[i]!)]));
    const { width } = this.space.whitening;
    const directions = new Float32Array(samples.length * width);
    for (const [i, sample] of samples.entries()) {
      const from = width * (before.get(sample) ?? 0);
      directions.set(found.get(sample) ?? known.subarray(from, from + width), i * width);
    }
    this.named = [...samples];
    this.directions = directions;
  }

  /** Of each summary the sample that it is much the same as, if there is one. */
  private async namedAs(
    summaries: readonly Float32Array[],
  ): Promise<readonly ({ task: string; label: string } | undefined)[]> {
    const { named, space, directions } = this;
    if (named.length === 0 || summaries.length === 0) return [];
    const { width } = space.whitening;
    const data = new Float32Array(summaries.length * width);
    for (const [i, summary] of summaries.entries()) data.set(space.direction(summary), i * width);
    const cosines = await this.features.products.of(
      { data, count: summaries.length, width },
      { data: directions, count: named.length, width },
    );
    return summaries.map((_, i) => {
      let [same, most]: [NamedSample | undefined, number] = [undefined, SAME];
      for (const [k, sample] of named.entries()) {
        const cosine = cosines[i * named.length + k]!;
        if (cosine >= most) [same, most] = [sample, cosine];
      }
      return same && { task: same.task, label: same.label };
    });
  }
}

/** The nearest class, and its task. */
function nearestOf({ classes }: WhitenedClasses, { nearest }: Evidence): { task: string; label: string } {
  const name = classes[nearest]!;
  return { task: name.slice(0, name.indexOf('/')), label: name.slice(name.indexOf('/') + 1) };
}

/** @throws LichenError `task-untrained` when no task has been seen here */
function mergedOf(discriminants: ReadonlyMap<string, StreamingDiscriminant>): StreamingDiscriminant {
  if (discriminants.size > 0) return StreamingDiscriminant.merge(discriminants);
  throw new LichenError(
    'task-untrained',
    'no task has been learned on this device, so none can be chosen for a picture; name the task',
  );
}
