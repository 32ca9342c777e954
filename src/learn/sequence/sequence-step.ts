import { gradients } from '../../autodiff/gradient.js';
import { channelsLast } from '../../autodiff/layout.js';
import { crossEntropy } from '../../autodiff/loss.js';
import { lower } from '../../autodiff/lower.js';
import { adam, RATE_INPUT, sgd } from '../../autodiff/optimizer.js';
import { add } from '../../autodiff/rule.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { int } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import type { StepGraph } from '../steps.js';
import type { Crown, Isolation, Parameter, Regularization } from '../strategy.js';
import type { Direction } from './direction.js';

export const HEAD_WEIGHT = 'lichen:head.weight';
export const HEAD_BIAS = 'lichen:head.bias';
export const LOSS = 'loss';

/** What goes in for a batch of samples: inputs, targets [batch, classes], open classes [batch, classes]. */
export const batchInputs = (of: string) => ({ x: `${of}:x`, targets: `${of}:targets`, open: `${of}:open` });

export interface SequenceStepOptions {
  classes: number;
  /** Rows of new samples in a step, and of remembered ones that join them in the loss. */
  batch: number;
  /** Rows of remembered samples whose gradient only corrects the step's; see `Direction`. */
  reference: number;
  optimizer: 'sgd' | 'adam';
  rate: number;
}

/** What a step trains: the network's parameters and the head's. */
export function sequenceParameters(
  isolation: Isolation,
  crown: Crown,
  { classes, rate }: SequenceStepOptions,
  random: Random,
): Parameter[] {
  const network = isolation.network({ crown, earlier: [] }, 1, random);
  const width = network.builder.shape(network.features)[1]!;
  const uniform = (count: number) =>
    Float32Array.from({ length: count }, () => (2 * random.next() - 1) / Math.sqrt(width));
  return [
    ...network.parameters,
    { name: HEAD_WEIGHT, dims: [classes, width], initial: uniform(classes * width), learningRate: rate },
    { name: HEAD_BIAS, dims: [classes], initial: uniform(classes), learningRate: rate },
  ];
}

/** One step of a sequence as a graph: loss on the batch, gradients, their direction corrected, the optimizer. */
export function sequenceStep(
  isolation: Isolation,
  regularization: Regularization,
  direction: Direction | undefined,
  crown: Crown,
  parameters: readonly Parameter[],
  options: SequenceStepOptions,
  random: Random,
): StepGraph {
  const b = lossOf(isolation, crown, parameters, options.batch, options.classes, 'batch', random);
  const penalty = regularization.penalty(b, parameters);
  const total = penalty ? add(b, LOSS, penalty) : LOSS;
  const names = parameters.map((p) => p.name);
  let found = gradients(b, total, names);
  const each = [...Object.values(batchInputs('batch')), RATE_INPUT];
  if (direction) {
    const other = lossOf(isolation, crown, parameters, options.reference, options.classes, 'memory', random);
    const reference = gradients(other, LOSS, names);
    for (const g of reference.values()) other.output(g);
    const inputs = batchInputs('memory');
    for (const i of Object.values(inputs)) b.input(i, other.shape(i));
    const known = new Map([...names, ...Object.values(inputs)].map((name) => [name, name]));
    const inlined = inline(b, other.graph(), known);
    found = direction.correct(b, found, new Map([...reference].map(([p, g]) => [p, inlined.get(g)!])));
    each.push(...Object.values(inputs));
  }
  const optimizer = options.optimizer === 'adam' ? adam : sgd;
  const steps = optimizer(
    b,
    parameters.map((p) => ({ ...p, gradient: found.get(p.name)! })),
  );
  b.output(LOSS);
  return { model: lower(b.model('lichen-sequence')), parameters, steps, each };
}

/** The network up to its logits [batch, classes], parameters as inputs. Classes that are not open get -1e9. */
export function logitsOf(
  isolation: Isolation,
  crown: Crown,
  parameters: readonly Parameter[],
  batch: number,
  classes: number,
  of: string,
  random: Random,
): { b: GraphBuilder; logits: string } {
  const inputs = batchInputs(of);
  const renamed = { ...crown, ...renamedInput(crown, inputs.x) };
  const network = isolation.network({ crown: renamed, earlier: [] }, batch, random);
  network.builder.output(network.features);
  const b = channelsLast(network.builder.graph(), (name) => network.builder.shape(name));
  for (const p of parameters) if (!b.has(p.name)) b.input(p.name, p.dims);
  const open = b.input(inputs.open, [batch, classes]);
  const raw = b.op('Gemm', [network.features, HEAD_WEIGHT, HEAD_BIAS], { transB: int(1) });
  return { b, logits: b.op('Add', [raw, open]) };
}

function lossOf(
  isolation: Isolation,
  crown: Crown,
  parameters: readonly Parameter[],
  batch: number,
  classes: number,
  of: string,
  random: Random,
): GraphBuilder {
  const { b, logits } = logitsOf(isolation, crown, parameters, batch, classes, of, random);
  crossEntropy(b, logits, b.input(batchInputs(of).targets, [batch, classes]), LOSS);
  return b;
}

function renamedInput({ graph, latent }: Crown, name: string): Pick<Crown, 'graph' | 'latent'> {
  const renamed = (n: string) => (n === latent ? name : n);
  return {
    latent: name,
    graph: {
      ...graph,
      inputs: graph.inputs.map((i) => ({ ...i, name: renamed(i.name) })),
      nodes: graph.nodes.map((n) => ({ ...n, inputs: n.inputs.map(renamed) })),
    },
  };
}
