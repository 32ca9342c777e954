import { RATE_INPUT } from '../../autodiff/optimizer.js';
import type { FloatTensor } from '../../engine/engine.js';
import { fillNormal } from '../../normal.js';
import { sizeOf } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import type { Samples } from '../samples.js';

/** A labelled sample of a set. */
export interface Sample {
  samples: Samples;
  index: number;
  label: number;
  /** Classes that come into question; all without it. */
  open?: readonly number[] | undefined;
}

/** Added to the logits of classes that do not come into question. */
export const CLOSED = -1e9;

/** Names of what goes in for a batch: samples [rows, ...], targets and open classes [rows, classes]. */
export const batchInputs = (of: string) => ({ x: `${of}:x`, targets: `${of}:targets`, open: `${of}:open` });

export interface BatchShape {
  /** Which batch of a step. */
  of: string;
  rows: number;
  /** Of one sample. */
  shape: readonly number[];
  classes: number;
  /** Whether there is a mask of open classes. */
  masked: boolean;
}

type Tensors = Record<string, FloatTensor>;

const zeros = (...dims: number[]): FloatTensor => ({ dims, data: new Float32Array(sizeOf(dims)) });

/** Bytes of a step's samples. */
export const bytesOf = ({ rows, shape }: BatchShape): number => 4 * rows * sizeOf(shape);

/** Zero tensors for some steps of a batch, the steps as first dimension. */
export function blankBatch({ of, rows, shape, classes, masked }: BatchShape, steps: number): Tensors {
  const names = batchInputs(of);
  return {
    [names.x]: zeros(steps, rows, ...shape),
    [names.targets]: zeros(steps, rows, classes),
    ...(masked ? { [names.open]: zeros(steps, rows, classes) } : {}),
  };
}

/** The tensors of `blankBatch`, for one run of steps after the other in the same memory. */
export class BatchTensors {
  private readonly shape: BatchShape;
  private tensors: Tensors = {};

  constructor(shape: BatchShape) {
    this.shape = shape;
  }

  /** Zero tensors for some steps: those of the last call, where that was for as many. */
  blank(steps: number): Tensors {
    const { x } = batchInputs(this.shape.of);
    if (this.tensors[x]?.dims[0] !== steps) this.tensors = blankBatch(this.shape, steps);
    else for (const { data } of Object.values(this.tensors)) data.fill(0);
    return this.tensors;
  }
}

/**
 * Writes samples into a step's part of a batch. The loss divides by the rows: samples that are there make up by their
 * weight for those that are not.
 * @param from row of the part at which the first sample goes
 */
export function fillBatch(
  tensors: Tensors,
  { of, rows, shape, classes, masked }: BatchShape,
  at: number,
  samples: readonly Sample[],
  { from = 0, weight = rows / Math.max(1, samples.length) }: { from?: number; weight?: number } = {},
): void {
  const names = batchInputs(of);
  const width = sizeOf(shape);
  const x = tensors[names.x]!.data;
  const targets = tensors[names.targets]!.data;
  samples.forEach((sample, i) => {
    const row = at * rows + from + i;
    sample.samples.read(sample.index, x, row * width);
    targets[row * classes + sample.label] = weight;
    if (masked) closeOthers(tensors[names.open]!.data, row * classes, classes, sample.open);
  });
}

/** Closes all classes of a row but the open ones. */
export function closeOthers(
  into: Float32Array,
  from: number,
  classes: number,
  open?: readonly number[],
): void {
  if (!open) return;
  into.fill(CLOSED, from, from + classes);
  for (const c of open) into[from + c] = 0;
}

/** Learning rates of some steps. */
export function ratesOf(rates: readonly number[]): Tensors {
  return { [RATE_INPUT]: { dims: [rates.length], data: Float32Array.from(rates) } };
}

/** Draws of the standard normal distribution for some steps: what a network with noise reads, each input of its own dims. */
export function drawNoise(
  noise: ReadonlyMap<string, readonly number[]>,
  steps: number,
  random: Random,
): Tensors {
  return Object.fromEntries(
    [...noise].map(([name, dims]) => {
      const tensor = zeros(steps, ...dims);
      fillNormal(tensor.data, random);
      return [name, tensor];
    }),
  );
}
