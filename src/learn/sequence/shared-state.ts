import type { Engine, FloatTensor } from '../../engine/engine.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import type { Random } from '../../random.js';
import type { Samples } from '../samples.js';
import type { Crown, Isolation, Parameter, Regularization } from '../strategy.js';
import type { SequenceOptions } from './continual-learner.js';
import type { SequenceTask } from './task.js';

/** A network that tasks share, as methods see it. */
export interface SharedState {
  readonly engine: Engine;
  /** Makes the network; its features are the logits of all classes. */
  readonly isolation: Isolation;
  readonly crown: Crown;
  readonly parameters: readonly Parameter[];
  readonly options: SequenceOptions;
  readonly random: Random;
  /** The tasks so far; the last is the one that is being learned. */
  readonly tasks: readonly SequenceTask[];
  /** Live: what is written into these arrays is what the next step starts from. */
  values(): Map<string, Float32Array>;
}

/** Second axis, in a sequence: what holds shared weights in place while later tasks are learned. */
export interface SequenceRegularization extends Regularization {
  /** Lays a network of its own over the isolation's: the same layers with distributions for weights, say. */
  over?(isolation: Isolation): Isolation;
  /**
   * Changes, inside the step's graph, what the optimizer's step comes to.
   * @param next parameter -> its value after the step
   */
  settle?(b: GraphBuilder, crown: Crown, next: ReadonlyMap<string, string>): ReadonlyMap<string, string>;
  /** Called before a task's first step. Returns the samples to train on, where these are not all. */
  beforeTask?(state: SharedState): Promise<Samples | undefined> | Samples | undefined;
  afterEpoch?(state: SharedState, epoch: number): Promise<void> | void;
  afterTask?(state: SharedState): Promise<void> | void;
  /** The values to recognize samples with, where these are not the network's own. */
  valuesFor?(state: SharedState, task?: number): Promise<Map<string, Float32Array>>;
  /** Draws of the noise that a prediction is averaged over. */
  readonly draws?: number;
  /** How many samples the method keeps. */
  readonly count?: number;
  /** What the method keeps from task to task, by name: live arrays that what was kept is written into. */
  keeps?(): Readonly<Record<string, FloatTensor>>;
  /** Called when a learner has taken its state back: parameters and what the method keeps are there. */
  restored?(state: SharedState): void;
  /** What the method keeps beside the parameters and samples. */
  stateBytes?(): number;
  /** Figures of the method's own, for results. */
  methodReport?(): Record<string, number>;
}
