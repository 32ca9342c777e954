import { gradients } from '../../autodiff/gradient.js';
import { crossEntropy } from '../../autodiff/loss.js';
import { lower } from '../../autodiff/lower.js';
import { add, float01, mul, sum } from '../../autodiff/rule.js';
import { squaredSampleGradients } from '../../autodiff/sample-gradients.js';
import type { FloatTensor } from '../../engine/engine.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { int, sizeOf } from '../../onnx/model.js';
import { Random } from '../../random.js';
import type { Samples } from '../samples.js';
import { batchInputs, blankBatch, closeOthers } from '../sequence/batches.js';
import type { SharedState } from '../sequence/shared-state.js';
import { logitsOf } from '../sequence/shared-step.js';
import { type StepGraph, Steps } from '../steps.js';

/** Whose labels the gradients are taken at: drawn from the network's own softmax, or the samples'. */
export type FisherKind = 'true' | 'empirical';

/** What the diagonal is measured on. */
export interface FisherSamples {
  samples: Samples;
  /** Which of them. */
  indices: readonly number[];
  /** Classes that come into question; all without it. */
  open?: readonly number[] | undefined;
  /** Most samples of a batch; as many as memory allows without it. */
  rows?: number;
}

/** Samples of a batch, and of all batches of one run. */
const ROWS = 100;
const ROWS_A_RUN = 1600;

/** No tensor of a batch takes more: per-sample gradients of convolutions grow with batch and weight. */
const MOST_BYTES = 64 * 2 ** 20;

const BATCH = 'fisher';
const NOISE = `${BATCH}:noise`;
const sumOf = (parameter: string) => `${BATCH}:sum:${parameter}`;

/**
 * The diagonal of the Fisher information of a network's parameters: the mean over samples of the squared gradient of
 * one sample's log-likelihood. The squares are taken in the graph, for a batch of samples at once where every parameter
 * is used in a way that allows it (`squaredSampleGradients`), else one sample at a time; either way in a loop inside
 * the runtime that carries the sums.
 * @returns parameter -> its diagonal, of the parameter's shape
 */
export async function fisherDiagonal(
  state: Pick<SharedState, 'engine' | 'isolation' | 'crown' | 'options' | 'values'>,
  kind: FisherKind,
  of: FisherSamples,
  random: Random,
): Promise<Map<string, Float32Array>> {
  const { engine, options } = state;
  const { graph, rows } = fisherGraph(state, kind, of.rows);
  const steps = await Steps.compile(engine, graph, { threads: options.threads });
  try {
    const values = state.values();
    const constant: Record<string, FloatTensor> = {};
    for (const { name, dims } of graph.parameters) {
      const parameter = name.slice(sumOf('').length);
      constant[parameter] = { dims, data: values.get(parameter)! };
    }
    const eachRun = Math.max(1, Math.floor(ROWS_A_RUN / rows)) * rows;
    for (let from = 0; from < of.indices.length; from += eachRun) {
      const part = of.indices.slice(from, from + eachRun);
      await steps.run(batches(state, kind, { ...of, indices: part }, rows, random), constant);
    }
    const count = Math.max(1, of.indices.length);
    return new Map(
      [...steps.values()].map(([name, total]) => [name.slice(sumOf('').length), total.map((v) => v / count)]),
    );
  } finally {
    await steps.close();
  }
}

/** One batch as a graph that adds its squares to the sums, and how many samples a batch has. */
export function fisherGraph(
  state: Pick<SharedState, 'isolation' | 'crown' | 'options'>,
  kind: FisherKind,
  most = ROWS,
): { graph: StepGraph; rows: number } {
  const { isolation, crown, options } = state;
  const made = (rows: number) => {
    const { b, logits, parameters } = logitsOf(
      isolation,
      crown,
      rows,
      options.taskKnown,
      BATCH,
      new Random(options.seed),
    );
    const names = parameters.map((p) => p.name);
    const given = b.input(batchInputs(BATCH).targets, b.shape(logits));
    const targets = kind === 'true' ? drawn(b, logits, given) : given;
    const loss = crossEntropy(b, logits, targets, 'fisher:loss', 1);
    return { b, names, parameters, loss };
  };
  const finish = (
    { b, names, parameters }: ReturnType<typeof made>,
    squares: ReadonlyMap<string, string>,
    rows: number,
  ) => {
    const steps = names.map((name) => {
      const before = b.input(sumOf(name), b.shape(name));
      const after = b.output(add(b, before, squares.get(name)!));
      return { parameter: before, updates: new Map([[before, after]]) };
    });
    const sums = parameters.map(({ name, dims }) => ({
      ...{ name: sumOf(name), dims, learningRate: 0 },
      initial: new Float32Array(sizeOf(dims)),
    }));
    const { x, targets, open } = batchInputs(BATCH);
    const each = [...[x, targets], ...(options.taskKnown ? [open] : []), ...(kind === 'true' ? [NOISE] : [])];
    return { graph: { model: lower(b.model('lichen-fisher')), parameters: sums, steps, each }, rows };
  };
  const one = () => {
    const alone = made(1);
    const { b, loss, names } = alone;
    const found = gradients(b, loss, names);
    return finish(alone, new Map(names.map((p) => [p, b.op('Mul', [found.get(p)!, found.get(p)!])])), 1);
  };
  if (most === 1) return one();
  const many = made(most);
  const squares = squaredSampleGradients(many.b, many.loss, many.names, most);
  if (!squares) return one();
  const largest = 4 * Math.max(...many.b.nodes.flatMap((n) => n.outputs.map((o) => sizeOf(many.b.shape(o)))));
  if (largest > MOST_BYTES)
    return fisherGraph(state, kind, Math.max(1, Math.floor((most * MOST_BYTES) / largest)));
  return finish(many, squares, most);
}

/**
 * Labels drawn from the softmax of the logits, as rows of one 1 (the maximum of logits and Gumbel noise is such a
 * draw); rows without a target stay empty.
 */
function drawn(b: GraphBuilder, logits: string, given: string): string {
  const noisy = add(b, logits, b.input(NOISE, b.shape(logits)));
  const highest = b.op('ReduceMax', [noisy], { axes: { kind: 'ints', value: [1] }, keepdims: int(1) });
  return mul(b, float01(b, b.op('Equal', [noisy, highest])), sum(b, given, [1], true));
}

/** The samples as batches for one run. */
function batches(
  { crown, options }: Pick<SharedState, 'crown' | 'options'>,
  kind: FisherKind,
  { samples, indices, open }: FisherSamples,
  rows: number,
  random: Random,
): Record<string, FloatTensor> {
  const { classes, taskKnown: masked } = options;
  const shape = crown.latentShape;
  const width = sizeOf(shape);
  const steps = Math.ceil(indices.length / rows);
  const tensors = blankBatch({ of: BATCH, rows, shape, classes, masked }, steps);
  const names = batchInputs(BATCH);
  indices.forEach((index, row) => {
    samples.read(index, tensors[names.x]!.data, row * width);
    tensors[names.targets]!.data[row * classes + samples.labels[index]!] = 1;
    if (masked) closeOthers(tensors[names.open]!.data, row * classes, classes, open);
  });
  if (kind === 'empirical') return tensors;
  const noise = { dims: [steps, rows, classes], data: new Float32Array(steps * rows * classes) };
  // Nothing is drawn for rows without a sample, so that a draw does not depend on the size of a batch.
  for (let i = 0; i < indices.length * classes; i++) noise.data[i] = -Math.log(-Math.log(random.next()));
  return { ...tensors, [NOISE]: noise };
}
