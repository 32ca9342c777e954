import type { Backbone } from '../backbone/backbone.js';
import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { answers } from '../learn/head.js';
import { TaskNetwork } from '../learn/network.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import { instantModel } from './task-model.js';

/**
 * Finds the task that explains a sample best: the task of the nearest class, in the frozen features, under one
 * covariance pooled over all tasks. A task whose samples were never seen here (one that came as a pack) cannot
 * be found so, and has to be named.
 */
export class TaskChooser {
  private readonly network: TaskNetwork;
  private readonly taskOf: readonly string[];

  private constructor(network: TaskNetwork, taskOf: readonly string[]) {
    this.network = network;
    this.taskOf = taskOf;
  }

  /** @throws LichenError `task-untrained` when no task has been seen here */
  static async open(
    engine: Engine,
    backbone: Backbone,
    discriminants: ReadonlyMap<string, StreamingDiscriminant>,
  ): Promise<TaskChooser> {
    if (discriminants.size === 0) {
      throw new LichenError(
        'task-untrained',
        'no task has been learned on this device, so none can be chosen for a picture; name the task',
      );
    }
    const merged = StreamingDiscriminant.merge(discriminants);
    const head = await merged.head();
    merged.release();
    const model = instantModel(backbone, head);
    const network = await TaskNetwork.open(engine, model, backbone.latentCodec, { spin: false });
    return new TaskChooser(
      network,
      head.classes.map((c) => c.slice(0, c.indexOf('/'))),
    );
  }

  /** The task's name for each latent. */
  async choose(latents: readonly Uint8Array[]): Promise<string[]> {
    return answers(await this.network.probabilities(latents)).map((c) => this.taskOf[c]!);
  }

  close(): Promise<void> {
    return this.network.close();
  }
}
