import type { GraphBuilder } from '../onnx/builder.js';
import { float, floatAttribute, sizeOf } from '../onnx/model.js';
import { add, div, mul, scale } from './rule.js';

/** Names of the tensors that carry one parameter through a step: what goes in and what comes out. */
export interface ParameterStep {
  parameter: string;
  /** Input name -> output name of everything that the step updates: the parameter and the optimizer's state. */
  updates: Map<string, string>;
}

/** Adam's decay rates and its guard against division by zero (Kingma & Ba 2015). */
const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
const ROOT = Math.sqrt(1 - BETA2);

/**
 * Changes what a step comes to before it is kept: a proximal step, say.
 * @param next parameter -> its value after the step
 * @returns the same with values in their place
 */
export type Settle = (next: ReadonlyMap<string, string>) => ReadonlyMap<string, string>;

const asItIs: Settle = (next) => next;

/** The input that scales every learning rate; see `adamRate`. */
export const RATE_INPUT = 'rate';

/**
 * Adds one Adam step to a graph (Kingma & Ba 2015, section 2, the efficient order of computation): the
 * bias corrections are in the scalar input `rate`, so that the graph is the same at every step.
 * @param parameters name, gradient and learning rate of each
 */
export function adam(
  b: GraphBuilder,
  parameters: readonly { name: string; gradient: string; learningRate: number }[],
  settle: Settle = asItIs,
): ParameterStep[] {
  const rate = b.input(RATE_INPUT, []);
  const made = parameters.map(({ name, gradient, learningRate }) => {
    const shape = b.shape(name);
    const m = b.input(`${name}.adam1`, shape);
    const v = b.input(`${name}.adam2`, shape);
    // The moments are kept without their factors 1 - beta, which go into rate and epsilon: two passes less.
    const m2 = b.op('Add', [scale(b, m, BETA1), gradient], {}, `${m}.next`);
    const squared = b.op('Mul', [gradient, gradient]);
    const v2 = b.op('Add', [scale(b, v, BETA2), squared], {}, `${v}.next`);
    const step = div(
      b,
      mul(b, m2, scale(b, rate, (learningRate * (1 - BETA1)) / ROOT)),
      add(b, b.op('Sqrt', [v2]), b.scalar(EPSILON / ROOT)),
    );
    const next = b.op('Sub', [name, step], {}, `${name}.next`);
    return { name, next, m, m2, v, v2 };
  });
  const settled = settle(new Map(made.map(({ name, next }) => [name, next])));
  return made.map(({ name, m, m2, v, v2 }) => {
    const next = settled.get(name)!;
    for (const o of [next, m2, v2]) b.output(o);
    return {
      parameter: name,
      updates: new Map([
        [name, next],
        [m, m2],
        [v, v2],
      ]),
    };
  });
}

/** Adds one step of plain gradient descent: p - rate * learningRate * gradient. It keeps no state. */
export function sgd(
  b: GraphBuilder,
  parameters: readonly { name: string; gradient: string; learningRate: number }[],
  settle: Settle = asItIs,
): ParameterStep[] {
  const rate = b.input(RATE_INPUT, []);
  const next = parameters.map(({ name, gradient, learningRate }): [string, string] => {
    const by = scale(b, rate, learningRate);
    const followed = productStep(b, name, gradient, by);
    return [name, followed ?? b.op('Sub', [name, mul(b, gradient, by)], {}, `${name}.next`)];
  });
  const settled = settle(new Map(next));
  return parameters.map(({ name }) => ({
    parameter: name,
    updates: new Map([[name, b.output(settled.get(name)!)]]),
  }));
}

/**
 * p - by * gradient in one pass over the weights, where the gradient is a matrix product that nothing else reads: the
 * product is added to the weights as it is made, and the smaller factor is scaled in place of the product.
 */
function productStep(b: GraphBuilder, name: string, gradient: string, by: string): string | undefined {
  const product = b.producer(gradient);
  if (product?.op !== 'Gemm' || product.inputs.length !== 2) return undefined;
  const read = b.nodes.some((n) => n.inputs.includes(gradient));
  if (read || b.outputs.some((o) => o.name === gradient)) return undefined;
  const factors = [...product.inputs];
  const smaller = sizeOf(b.shape(factors[0]!)) <= sizeOf(b.shape(factors[1]!)) ? 0 : 1;
  factors[smaller] = mul(b, factors[smaller]!, by);
  const alpha = float(-floatAttribute(product, 'alpha', 1));
  return b.op('Gemm', [...factors, name], { ...product.attributes, alpha }, `${name}.next`);
}

/**
 * The value of the `rate` input at step `t` (from 1): the schedule's factor times Adam's bias corrections.
 */
export function adamRate(t: number, factor: number): number {
  return (factor * Math.sqrt(1 - BETA2 ** t)) / (1 - BETA1 ** t);
}
