import type { Engine } from '../../engine/engine.js';
import type { Rows } from '../network.js';
import { StreamingDiscriminant } from './slda.js';

/** How far the covariance is drawn to a multiple of the identity: Hayes & Kanan 2020, section 3. */
export const SLDA_SHRINKAGE = 1e-4;

/** A linear layer on features whose outputs rank the classes. */
export interface ClassifierLayer {
  /** Label of each output. */
  classes: readonly number[];
  /** [classes, features] */
  weight: Float32Array;
  /** [classes] */
  bias: Float32Array;
}

/** A classifier in closed form that takes in each sample once. */
export interface StreamingClassifier {
  /** Takes in features of samples with their labels. */
  add(rows: Rows, labels: ArrayLike<number>): Promise<void>;
  /** The layer that answers by everything taken in so far. */
  layer(): Promise<ClassifierLayer>;
  /** What it keeps beside the layer in order to go on. */
  readonly stateBytes: number;
}

/** Streaming linear discriminant analysis on features (Hayes & Kanan 2020); see `StreamingDiscriminant`. */
export class FeatureDiscriminant implements StreamingClassifier {
  private readonly engine: Engine;
  private readonly shrinkage: number;
  private discriminant: StreamingDiscriminant | undefined;

  constructor(engine: Engine, shrinkage: number) {
    this.engine = engine;
    this.shrinkage = shrinkage;
  }

  async add(rows: Rows, labels: ArrayLike<number>): Promise<void> {
    this.discriminant ??= new StreamingDiscriminant([rows.width]);
    this.discriminant.shrinkage = this.shrinkage;
    await this.discriminant.addAll(this.engine, rows, Array.from(labels, String));
  }

  async layer(): Promise<ClassifierLayer> {
    const { classes, weight, bias } = await this.discriminant!.head();
    return { classes: classes.map(Number), weight, bias };
  }

  get stateBytes(): number {
    const { width = 0 } = this.discriminant ?? {};
    // The covariance; the means can be told from the layer.
    return 4 * ((width * (width + 1)) / 2);
  }
}
