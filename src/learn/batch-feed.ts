import { decodeLatent, type LatentShape } from '../backbone/latent.js';
import type { FloatTensor } from '../engine/engine.js';
import { sizeOf } from '../onnx/model.js';
import { TARGETS } from './softmax.js';
import type { IsolationContext } from './strategy.js';

export interface TrainingSet {
  /** Encoded latents. */
  latents: readonly Uint8Array[];
  /** Class index of each. */
  labels: ArrayLike<number>;
  classes: number;
  /** Indices that came since the last training of the task; all others are the replay memory's. */
  fresh: readonly number[];
  /** What is never trained on, by which training ends early. */
  heldOut?: { latents: readonly Uint8Array[]; labels: ArrayLike<number> };
}

/** Puts samples into a batch's tensors. A row that is left over gets a target of zeros, which takes no part. */
export class BatchFeed {
  private readonly latent: { dims: number[]; data: Float32Array<ArrayBuffer> };
  private readonly target: { dims: number[]; data: Float32Array<ArrayBuffer> };
  private readonly name: string;
  private readonly codec: LatentShape;
  private readonly set: Pick<TrainingSet, 'latents' | 'labels' | 'classes'>;
  private readonly smoothing: number;

  constructor(
    context: IsolationContext,
    codec: LatentShape,
    set: Pick<TrainingSet, 'latents' | 'labels' | 'classes'>,
    batch: number,
    smoothing: number,
  ) {
    const { latent, latentShape } = context.crown;
    this.name = latent;
    this.codec = codec;
    this.set = set;
    this.smoothing = smoothing;
    this.latent = { dims: [batch, ...latentShape], data: new Float32Array(batch * sizeOf(latentShape)) };
    this.target = { dims: [batch, set.classes], data: new Float32Array(batch * set.classes) };
  }

  fill(indices: readonly number[]): Record<string, FloatTensor> {
    const { classes } = this.set;
    const batch = this.latent.dims[0]!;
    const size = this.codec.channels * this.codec.positions;
    // The loss divides by the batch's size; a short batch makes up for the rows that it lacks.
    const weight = batch / indices.length;
    this.target.data.fill(0);
    indices.forEach((sample, row) => {
      decodeLatent(this.set.latents[sample]!, this.codec, this.latent.data, row * size);
      const at = row * classes;
      this.target.data.fill((weight * this.smoothing) / classes, at, at + classes);
      this.target.data[at + this.set.labels[sample]!]! += weight * (1 - this.smoothing);
    });
    return { [this.name]: this.latent, [TARGETS]: this.target };
  }

  /** The losses of the first `count` rows without the weight that a short batch gives them. */
  unweighted(losses: Float32Array, count: number): Float32Array {
    return losses.subarray(0, count).map((loss) => (loss * count) / this.latent.dims[0]!);
  }
}
