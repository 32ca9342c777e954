import { gradients, pulledBack } from '../autodiff/gradient.js';
import { channelsLast } from '../autodiff/layout.js';
import { crossEntropy, sampleLosses } from '../autodiff/loss.js';
import { lower } from '../autodiff/lower.js';
import { adam, type ParameterStep } from '../autodiff/optimizer.js';
import { patched } from '../autodiff/patches.js';
import { add } from '../autodiff/rule.js';
import { type Model, sizeOf } from '../onnx/model.js';
import type { Random } from '../random.js';
import type { LearnerOptions } from './learner-options.js';
import { inPieces } from './pieces.js';
import { headLogits, headShapes, outputSampleLosses, TARGETS } from './softmax.js';
import type { IsolationContext, Parameter, Strategies } from './strategy.js';

/** The output that is a step's loss. */
export const LOSS = 'loss';

/** A step's graph, what it trains, and by which names the step takes and gives it. */
export interface TrainingGraph {
  model: Model;
  parameters: Parameter[];
  steps: ParameterStep[];
}

/**
 * One step as an ONNX graph: loss, gradients and the optimizer's updates.
 * @param pieces parts that the batch is computed in, one after the other; see `inPieces`
 */
export function trainingGraph(
  { isolation, regularization }: Pick<Strategies, 'isolation' | 'regularization'>,
  context: IsolationContext,
  batch: number,
  classes: number,
  options: LearnerOptions,
  random: Random,
  pieces = 1,
): TrainingGraph {
  const micro = batch / pieces;
  const network = isolation.network(context, micro, random);
  const forward = network.builder;
  forward.output(network.features);
  const products = patched(forward.graph(), (name) => forward.shape(name));
  const one = channelsLast(products.graph(), (name) => products.shape(name));
  const width = one.shape(network.features)[1]!;
  const head: Parameter[] = [...headShapes(classes, width)].map(([name, dims]) => ({
    name,
    dims,
    initial: new Float32Array(sizeOf(dims)),
    learningRate: options.headRate,
  }));
  for (const p of head) one.input(p.name, p.dims);
  const targets = one.input(TARGETS, [micro, classes]);
  const logits = headLogits(one, network.features);
  const parameters = [...network.parameters, ...head];
  const names = parameters.map((p) => p.name);
  const data = crossEntropy(one, logits, targets, 'data_loss', batch);
  const samples = [context.crown.latent, TARGETS];
  const each = sampleLosses(one, logits, targets);
  const split = pieces > 1 ? inPieces(one, samples, data, names, pieces, [each]) : undefined;
  const b = split?.builder ?? one;
  const penalty = regularization.penalty(b, parameters);
  const sum = split?.loss ?? data;
  b.op('Identity', [penalty ? add(b, sum, penalty) : sum], {}, LOSS);
  const known = split && new Map([...split.gradients, ...(penalty ? [[penalty, b.scalar(1)] as const] : [])]);
  const found = known ? pulledBack(b, known, names) : gradients(b, LOSS, names);
  const steps = adam(
    b,
    parameters.map((p) => ({ ...p, gradient: found.get(p.name)! })),
  );
  b.output(LOSS);
  outputSampleLosses(b, split?.joined[0] ?? each);
  return { model: lower(b.model('lichen-step')), parameters, steps };
}
