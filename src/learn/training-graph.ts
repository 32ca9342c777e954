import { gradients, pulledBack } from '../autodiff/gradient.js';
import { crossEntropy, sampleLosses } from '../autodiff/loss.js';
import { lower } from '../autodiff/lower.js';
import { adam, RATE_INPUT } from '../autodiff/optimizer.js';
import { add } from '../autodiff/rule.js';
import type { Random } from '../random.js';
import { classifier } from './classifier.js';
import type { LearnerOptions } from './learner-options.js';
import { inPieces } from './pieces.js';
import { outputSampleLosses, TARGETS } from './softmax.js';
import type { StepGraph } from './steps.js';
import type { IsolationContext, Strategies } from './strategy.js';

/** The output that is a step's loss. */
export const LOSS = 'loss';

/**
 * One step as an ONNX graph: loss, gradients and the optimizer's updates. Its outputs are the loss and, where samples
 * are chosen by it, that of every sample.
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
): StepGraph {
  const { headRate, hardest } = options;
  const size = { batch: batch / pieces, classes, headRate, differentiated: true };
  const { builder: one, parameters, logits, targets } = classifier(isolation, context, size, random);
  const names = parameters.map((p) => p.name);
  const data = crossEntropy(one, logits, targets, 'data_loss', batch);
  const samples = [context.crown.latent, TARGETS];
  const each = hardest < 1 ? [sampleLosses(one, logits, targets)] : [];
  const split = pieces > 1 ? inPieces(one, samples, data, names, pieces, each) : undefined;
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
  for (const losses of split?.joined ?? each) outputSampleLosses(b, losses);
  return { model: lower(b.model('lichen-step')), parameters, steps, each: [...samples, RATE_INPUT] };
}
