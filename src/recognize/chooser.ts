import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { TaskNetwork } from '../learn/network.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import type { Evidence, WhitenedClasses } from '../learn/streaming/whitened.js';
import { Novelty, TaskNovelty } from './novelty.js';
import { bareModel } from './task-model.js';

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
  private readonly network: TaskNetwork;
  private readonly space: WhitenedClasses;
  private readonly novelty: TaskNovelty | undefined;

  private constructor(network: TaskNetwork, space: WhitenedClasses, novelty: TaskNovelty | undefined) {
    this.network = network;
    this.space = space;
    this.novelty = novelty;
    this.classes = space.classes;
  }

  /**
   * @param novelty left out, nothing is called novel
   * @throws LichenError `task-untrained` when no task has been seen here
   */
  static async open(
    engine: Engine,
    backbone: Backbone,
    discriminants: ReadonlyMap<string, StreamingDiscriminant>,
    novelty?: NoveltySetting,
  ): Promise<TaskChooser> {
    // A single task's covariance is factorized once, for its own answers, too.
    const [only] = discriminants.values();
    if (discriminants.size === 1) await only!.whitened();
    const space = await mergedOf(discriminants).whitened();
    const network = await openNetwork(engine, backbone);
    const known = novelty && novelty.heldOut.length >= Novelty.samplesFor(novelty.falseAlarms);
    if (!known) return new TaskChooser(network, space, undefined);
    const found = await evidenceOf(network, space, novelty.heldOut);
    const calibration = found.map((evidence) => ({ task: nearestOf(space, evidence).task, evidence }));
    return new TaskChooser(network, space, new TaskNovelty(calibration, novelty.falseAlarms));
  }

  /**
   * One in a hurry, after a label: the classes are those of now, covariance and novelty those of the chooser before; where
   * there was none, classes are told by their means at first, and nothing is novel.
   * @throws LichenError `task-untrained` when no task has been seen here
   */
  static async openQuickly(
    engine: Engine,
    backbone: Backbone,
    discriminants: ReadonlyMap<string, StreamingDiscriminant>,
    before: TaskChooser | undefined,
  ): Promise<TaskChooser> {
    const merged = mergedOf(discriminants);
    const space = before ? merged.whitenedAs(before.space) : await merged.whitened(false);
    return new TaskChooser(await openNetwork(engine, backbone), space, before?.novelty);
  }

  /** The task's name for each latent. */
  async choose(latents: readonly Uint8Array[]): Promise<string[]> {
    return (await this.explain(latents)).map(({ task }) => task);
  }

  /** What explains each latent. */
  async explain(latents: readonly Uint8Array[]): Promise<Explanation[]> {
    const found = await evidenceOf(this.network, this.space, latents);
    return found.map((evidence) => {
      const nearest = nearestOf(this.space, evidence);
      return { ...nearest, novel: false, ...this.novelty?.judge(nearest.task, evidence) };
    });
  }

  close(): Promise<void> {
    return this.network.close();
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

function openNetwork(engine: Engine, backbone: Backbone): Promise<TaskNetwork> {
  return TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec, { spin: false });
}

async function evidenceOf(
  network: TaskNetwork,
  space: WhitenedClasses,
  latents: readonly Uint8Array[],
): Promise<Evidence[]> {
  if (latents.length === 0) return [];
  const { summary } = await network.describe(latents);
  return latents.map((_, i) =>
    space.evidence(summary.data.subarray(i * summary.width, (i + 1) * summary.width)),
  );
}
