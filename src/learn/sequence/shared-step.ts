import { choose } from '../../autodiff/choices.js';
import { gradients } from '../../autodiff/gradient.js';
import { crossEntropy } from '../../autodiff/loss.js';
import { lower } from '../../autodiff/lower.js';
import { adam, RATE_INPUT, sgd } from '../../autodiff/optimizer.js';
import type { Picked } from '../../autodiff/repeat.js';
import { add } from '../../autodiff/rule.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import type { Random } from '../../random.js';
import type { StepGraph } from '../steps.js';
import type { Crown, Isolation, Parameter } from '../strategy.js';
import { LOSS } from '../training-graph.js';
import { batchInputs } from './batches.js';
import { arranged, fedBy } from './headed.js';
import type { Direction } from './rehearsal.js';
import { MEMORY_ROWS, tableOf } from './remembered-table.js';
import type { SequenceRegularization } from './shared-state.js';

export interface StepOptions {
  classes: number;
  /** Whether batches have a mask of open classes. */
  masked: boolean;
  /** Rows of a batch. */
  batch: number;
  /** Rows of remembered samples whose gradient corrects the step's; 0 without a direction. */
  reference: number;
  /** Whether the engine leaves out what the side of a choice that is not taken would need. */
  choices?: boolean;
  optimizer: 'sgd' | 'adam';
}

/**
 * The network up to its logits for a batch, with parameters, samples and the mask of open classes as inputs.
 * @param of the batch's name; see `batchInputs`
 */
export function logitsOf(
  isolation: Isolation,
  crown: Crown,
  batch: number,
  masked: boolean,
  of: string,
  random: Random,
): {
  b: GraphBuilder;
  logits: string;
  parameters: Parameter[];
  noise: ReadonlyMap<string, readonly number[]>;
} {
  const { x, open } = batchInputs(of);
  const network = isolation.network({ crown: fedBy(crown, x), earlier: [] }, batch, random);
  const b = arranged(network);
  const { parameters, features, noise = new Map() } = network;
  const logits = masked ? b.op('Add', [features, b.input(open, b.shape(features))]) : features;
  return { b, logits, parameters, noise };
}

/** The same with the loss of the batch as `LOSS`. */
export function lossOf(
  isolation: Isolation,
  crown: Crown,
  batch: number,
  masked: boolean,
  of: string,
  random: Random,
): ReturnType<typeof logitsOf> {
  const made = logitsOf(isolation, crown, batch, masked, of, random);
  const { b, logits } = made;
  crossEntropy(b, logits, b.input(batchInputs(of).targets, b.shape(logits)), 'data_loss');
  return made;
}

/** Names the loss of the batch together with what holds the weights in place as `LOSS`. */
export function penalized(
  b: GraphBuilder,
  regularization: Pick<SequenceRegularization, 'penalty'>,
  parameters: readonly Parameter[],
): void {
  const penalty = regularization.penalty(b, parameters);
  b.op('Identity', [penalty ? add(b, 'data_loss', penalty) : 'data_loss'], {}, LOSS);
}

/** One step of a sequence as a graph: loss on the batch, gradients, their direction corrected, the optimizer. */
export function sharedStep(
  isolation: Isolation,
  regularization: SequenceRegularization,
  direction: Direction | undefined,
  crown: Crown,
  { batch, masked, reference, choices = false, optimizer }: StepOptions,
  random: Random,
): StepGraph & { noise: ReadonlyMap<string, readonly number[]> } {
  const { b, parameters, noise } = lossOf(isolation, crown, batch, masked, 'batch', random);
  penalized(b, regularization, parameters);
  const names = parameters.map((p) => p.name);
  let found = gradients(b, LOSS, names);
  const inputsOf = (of: string) =>
    Object.entries(batchInputs(of)).flatMap(([kind, name]) => (kind !== 'open' || masked ? [name] : []));
  const each = [...inputsOf('batch'), ...noise.keys(), RATE_INPUT];
  const picked: Picked[] = [];
  if (direction) {
    const { b: other } = lossOf(isolation, crown, reference, masked, 'memory', random);
    const remembered = gradients(other, 'data_loss', names);
    for (const g of new Set(remembered.values())) other.output(g);
    const inputs = inputsOf('memory');
    for (const i of inputs) b.input(i, other.shape(i));
    const known = new Map([...names, ...inputs].map((name) => [name, name]));
    const inlined = inline(b, other.graph(), known);
    const recalled = new Map([...remembered].map(([p, g]) => [p, inlined.get(g)!]));
    const agreed = direction.agreement(b, found, recalled);
    const corrected = direction.correct(b, found, recalled, agreed);
    found = choices ? chosen(b, b.op('Less', [agreed, b.scalar(0)]), corrected, found) : corrected;
    picked.push(...inputs.map((input) => ({ input, table: tableOf(input), rows: MEMORY_ROWS })));
  }
  const optimize = optimizer === 'adam' ? adam : sgd;
  const steps = optimize(
    b,
    parameters.map((p) => ({ ...p, gradient: found.get(p.name)! })),
    (next) => regularization.settle?.(b, crown, next) ?? next,
  );
  b.output(LOSS);
  return { model: lower(b.model('lichen-sequence')), parameters, steps, each, picked, noise };
}

/** One gradient of each parameter or the other. */
function chosen(
  b: GraphBuilder,
  condition: string,
  then: ReadonlyMap<string, string>,
  otherwise: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map([...then].map(([name, g]) => [name, choose(b, condition, g, otherwise.get(name)!)]));
}
