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

/** Puts samples into batches' tensors. A row that is left over gets a target of zeros, which takes no part. */
export class BatchFeed {
  private readonly names: readonly [latents: string, targets: string];
  private readonly codec: LatentShape;
  private readonly set: Pick<TrainingSet, 'latents' | 'labels' | 'classes'>;
  private readonly batch: number;
  private readonly smoothing: number;
  /** Shapes of a batch's latents and targets. */
  private readonly dims: readonly [latents: readonly number[], targets: readonly number[]];
  /** Memory for as many batches as were filled at once so far. */
  private latents = new Float32Array();
  private targets = new Float32Array();

  constructor(
    { crown }: IsolationContext,
    codec: LatentShape,
    set: Pick<TrainingSet, 'latents' | 'labels' | 'classes'>,
    batch: number,
    smoothing: number,
  ) {
    this.names = [crown.latent, TARGETS];
    this.codec = codec;
    this.set = set;
    this.batch = batch;
    this.smoothing = smoothing;
    this.dims = [
      [batch, ...crown.latentShape],
      [batch, set.classes],
    ];
  }

  /** The tensors of one batch, [batch, ...]. The next call writes over them. */
  fill(indices: readonly number[]): Record<string, FloatTensor> {
    const tensors = Object.entries(this.fillAll([indices]));
    return Object.fromEntries(tensors.map(([name, { dims, data }]) => [name, { dims: dims.slice(1), data }]));
  }

  /** The tensors of several batches, [batches, batch, ...]. The next call writes over them. */
  fillAll(batches: readonly (readonly number[])[]): Record<string, FloatTensor> {
    const [latentSize, targetSize] = this.dims.map(sizeOf) as [number, number];
    const count = batches.length;
    if (this.latents.length < count * latentSize) {
      this.latents = new Float32Array(count * latentSize);
      this.targets = new Float32Array(count * targetSize);
    }
    const latents = this.latents.subarray(0, count * latentSize);
    const targets = this.targets.subarray(0, count * targetSize);
    targets.fill(0);
    batches.forEach((indices, k) => {
      this.put(indices, latents.subarray(k * latentSize), targets.subarray(k * targetSize));
    });
    return {
      [this.names[0]]: { dims: [count, ...this.dims[0]], data: latents },
      [this.names[1]]: { dims: [count, ...this.dims[1]], data: targets },
    };
  }

  /** The losses of the first `count` rows without the weight that a short batch gives them. */
  unweighted(losses: Float32Array, count: number): Float32Array {
    return losses.subarray(0, count).map((loss) => (loss * count) / this.batch);
  }

  private put(
    indices: readonly number[],
    latents: Float32Array<ArrayBuffer>,
    targets: Float32Array<ArrayBuffer>,
  ): void {
    const { classes } = this.set;
    const size = this.codec.channels * this.codec.positions;
    // The loss divides by the batch's size; a short batch makes up for the rows that it lacks.
    const weight = this.batch / indices.length;
    indices.forEach((sample, row) => {
      decodeLatent(this.set.latents[sample]!, this.codec, latents, row * size);
      const at = row * classes;
      targets.fill((weight * this.smoothing) / classes, at, at + classes);
      targets[at + this.set.labels[sample]!]! += weight * (1 - this.smoothing);
    });
  }
}
