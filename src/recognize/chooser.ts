import { LichenError } from '../errors.js';
import { dot } from '../learn/streaming/linear.js';
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
  /** Samples that are known as what they are, and where they lie. */
  private named: ReadonlyMap<NamedSample, Float32Array> = new Map();

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
    const calibration = (await features.of(novelty.heldOut)).map((summary) => {
      const evidence = space.evidence(summary);
      return { task: nearestOf(space, evidence).task, evidence };
    });
    return new TaskChooser(features, space, new TaskNovelty(calibration, novelty.falseAlarms));
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
    return summaries.map((summary) => {
      const evidence = this.space.evidence(summary);
      const nearest = nearestOf(this.space, evidence);
      const judged = { ...nearest, novel: false, ...this.novelty?.judge(nearest.task, evidence) };
      const named = this.namedAs(summary);
      return named ? { ...judged, ...named, novel: false } : judged;
    });
  }

  /** Takes in what some samples are, in place of those before: they and what is much the same are explained so, and not novel. */
  async know(samples: readonly NamedSample[]): Promise<void> {
    if (samples.length === this.named.size && samples.every((s) => this.named.has(s))) return;
    const missing = samples.filter((s) => !this.named.has(s));
    const summaries = await this.features.of(missing.map((s) => s.latent));
    const found = new Map(missing.map((s, i) => [s, this.space.direction(summaries[i]!)]));
    this.named = new Map(samples.map((s) => [s, found.get(s) ?? this.named.get(s)!]));
  }

  private namedAs(summary: Float32Array): { task: string; label: string } | undefined {
    if (this.named.size === 0) return undefined;
    const direction = this.space.direction(summary);
    let [same, most]: [NamedSample | undefined, number] = [undefined, SAME];
    for (const [sample, other] of this.named) {
      const cosine = dot(direction, 0, other, 0, other.length);
      if (cosine >= most) [same, most] = [sample, cosine];
    }
    return same && { task: same.task, label: same.label };
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
