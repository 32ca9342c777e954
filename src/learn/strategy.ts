import type { FloatTensor } from '../engine/engine.js';
import type { GraphBuilder } from '../onnx/builder.js';
import type { Graph } from '../onnx/model.js';
import type { Random } from '../random.js';
import type { AdapterTensors } from './adapter.js';

/** The frozen part above the split: what every isolation strategy starts from. */
export interface Crown {
  /** In normalized form; one input, the latent; its output is the feature vector. */
  graph: Graph;
  /** Name of the latent input. */
  latent: string;
  /** Shape of one latent, without the batch. */
  latentShape: readonly number[];
  /** Name of the features' tensor. */
  features: string;
  /** A tensor up to which the crown stays as it is; what comes after must read nothing else. See `tailOf`. */
  frozenUntil?: string;
}

/** A trained tensor. */
export interface Parameter {
  name: string;
  dims: readonly number[];
  initial: Float32Array;
  learningRate: number;
}

/** A network that can be trained: a graph whose parameters are inputs. */
export interface TrainableNetwork {
  builder: GraphBuilder;
  parameters: Parameter[];
  /** Tensor of shape [batch, features]. */
  features: string;
  /** Inputs that want fresh draws of the standard normal distribution at every step, with their shapes. */
  noise?: ReadonlyMap<string, readonly number[]>;
}

/** Tensors of a task's network that heads read. */
export interface TaskOutputs {
  /** [batch, features]: what the softmax head reads. */
  features: string;
  /** [batch, channels, ...positions]: a discriminant reads their deviation over the positions. */
  maps: string[];
  /** [batch, any]: a discriminant reads them as they are. */
  vectors: string[];
}

/** What a strategy may build on. */
export interface IsolationContext {
  crown: Crown;
  /** Adapters of earlier tasks of the same isolation, oldest first; they are frozen. */
  earlier: readonly AdapterTensors[];
}

/** Figures by their names, for every layer by the name of its output. */
export type LayerFigures = ReadonlyMap<string, Readonly<Record<string, number>>>;

/**
 * First axis: which weights a task may use and change.
 * A strategy builds networks; it never trains.
 */
export interface Isolation {
  readonly name: string;
  /** The network to train for a new task, for a static batch. */
  network(context: IsolationContext, batch: number, random: Random): TrainableNetwork;
  /** What is kept of the trained parameters. */
  freeze(context: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors;
  /** What of an adapter a discriminant reads: tensors that only the features need are left out. */
  withoutFeatures(context: IsolationContext, tensors: AdapterTensors): AdapterTensors;
  /**
   * Adds the task's network to a builder with everything constant.
   */
  deploy(context: IsolationContext, adapter: AdapterTensors, b: GraphBuilder, latent: string): TaskOutputs;
  /** Bytes of the crown that tasks need beside their adapters; all of it where the method does not say. */
  sharedBytes?(crown: Crown): number;
  /** What can be said of a task's layers. */
  figures?(context: IsolationContext, tensors: AdapterTensors): LayerFigures;
}

/** Second axis: what holds shared weights in place. Adds terms to the loss; null where there are none. */
export interface Regularization {
  readonly name: string;
  penalty(b: GraphBuilder, parameters: readonly Parameter[]): string | null;
  /** Values of the inputs that the penalty added, as they are now. */
  inputs?(): Record<string, FloatTensor>;
}

/** Third axis: how samples of the replay memory enter a step. Indices point into the training set. */
export interface Rehearsal {
  readonly name: string;
  /**
   * The batches of one epoch.
   * @param fresh indices of samples that came since the task was trained last
   * @param memory indices of samples from the replay memory, with their labels
   */
  epoch(
    fresh: readonly number[],
    memory: readonly number[],
    labels: ArrayLike<number>,
    batch: number,
    random: Random,
  ): number[][];
}

/** What a learner is put together from: one choice on each axis. */
export interface Strategies {
  isolation: Isolation;
  regularization: Regularization;
  rehearsal: Rehearsal;
}
