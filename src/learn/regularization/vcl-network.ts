import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { float, floatAttribute, type Graph, type Node } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import type { AdapterTensors } from '../adapter.js';
import type { Isolation, IsolationContext, Parameter, TaskOutputs, TrainableNetwork } from '../strategy.js';

/** A parameter's name with this at its end is that of its log-variance; the parameter itself is the mean. */
export const LOG_VARIANCE = '.logvar';

/** Keeps the slope of a root finite where the variance is zero: a layer without a bias that reads only zeros. */
const TINY = 1e-12;

/**
 * Lays a mean-field Gaussian over the parameters of an isolation's network: each is a mean and a log-variance. Layers
 * that read a parameter as their weight draw their outputs, not their weights: with x the input, the output is normal
 * with mean x M and variance x^2 V, each row its own draw (local reparametrization; Kingma, Salimans & Welling 2015,
 * section 2.2). Positions of a convolution's output count as independent there. Every other parameter is drawn as it
 * is, once for the batch.
 */
export class GaussianWeights implements Isolation {
  readonly name: string;
  private readonly inner: Isolation;
  private readonly logVariance: number;

  /** @param logVariance what every log-variance starts from */
  constructor(inner: Isolation, logVariance: number) {
    this.inner = inner;
    this.name = inner.name;
    this.logVariance = logVariance;
  }

  network(context: IsolationContext, batch: number, random: Random): TrainableNetwork {
    const point = this.inner.network(context, batch, random);
    const graph = point.builder.graph();
    const b = new GraphBuilder();
    const noise = new Map<string, readonly number[]>(point.noise);
    const draws = (name: string, dims: readonly number[]) => {
      noise.set(name, dims);
      return b.input(name, dims);
    };
    const parameters = point.parameters.flatMap((p) => withVariance(p, this.logVariance));
    const own = new Map(point.parameters.map((p) => [p.name, p]));
    const names = new Map<string, string>();
    for (const { name, dims } of graph.inputs) names.set(name, b.input(name, dims as number[]));
    for (const { name, dims } of point.parameters) b.input(name + LOG_VARIANCE, dims);
    const local = localParameters(graph, new Set(own.keys()));
    for (const { name, dims } of point.parameters) {
      if (local.has(name)) continue;
      const deviation = b.op('Exp', [b.op('Mul', [name + LOG_VARIANCE, b.scalar(0.5)])]);
      const apart = b.op('Mul', [deviation, draws(`${name}.noise`, dims)]);
      names.set(name, b.op('Add', [name, apart], {}, `${name}.drawn`));
    }
    const variances = new Map<string, string>();
    for (const name of local) variances.set(name, b.op('Exp', [name + LOG_VARIANCE]));
    const inlined = inline(b, graph, names, (node, inputs) => {
      if (node.op === 'Reshape' && variances.has(node.inputs[0]!)) {
        const shape = graph.initializers.get(node.inputs[1]!)!;
        const variance = b.op('Reshape', [variances.get(node.inputs[0]!)!, b.constant(shape)]);
        variances.set(node.outputs[0]!, variance);
        return undefined;
      }
      const weight = variances.get(node.inputs[1] ?? '');
      if (!weight) return undefined;
      const [x, mean, bias] = inputs as [string, string, string | undefined];
      const known = (name: string) => {
        const constant = graph.initializers.get(name);
        return constant ? b.constant(constant) : name;
      };
      const from = known(x);
      const middle = b.op(node.op, [from, mean, ...(bias ? [known(bias)] : [])], node.attributes);
      const biasVariance = variances.get(node.inputs[2] ?? '');
      const square = b.op('Mul', [from, from]);
      const spread = [square, weight, ...(biasVariance ? [biasVariance] : [])];
      const variance = b.op('Add', [b.op(node.op, spread, squared(node)), b.scalar(TINY)]);
      const drawn = draws(`${node.outputs[0]}.noise`, b.shape(middle));
      return b.op('Add', [middle, b.op('Mul', [b.op('Sqrt', [variance]), drawn])]);
    });
    return { builder: b, parameters, features: inlined.get(point.features)!, noise };
  }

  freeze(context: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors {
    return this.inner.freeze(context, values);
  }

  withoutFeatures(context: IsolationContext, tensors: AdapterTensors): AdapterTensors {
    return this.inner.withoutFeatures(context, tensors);
  }

  /** The network of the means. */
  deploy(context: IsolationContext, adapter: AdapterTensors, b: GraphBuilder, latent: string): TaskOutputs {
    return this.inner.deploy(context, adapter, b, latent);
  }
}

function withVariance(p: Parameter, logVariance: number): Parameter[] {
  const initial = new Float32Array(p.initial.length).fill(logVariance);
  return [p, { ...p, name: p.name + LOG_VARIANCE, initial }];
}

/** Factors of a Gemm count squared in a variance. */
function squared(node: Node): Node['attributes'] {
  if (node.op !== 'Gemm') return node.attributes;
  const alpha = floatAttribute(node, 'alpha', 1) ** 2;
  const beta = floatAttribute(node, 'beta', 1) ** 2;
  return { ...node.attributes, alpha: float(alpha), beta: float(beta) };
}

/**
 * Parameters that one layer reads as weight, as they are or in another shape, and nothing else reads; and the biases of
 * such layers. A weight that two layers share is one draw for both, which drawing outputs would not be.
 */
function localParameters(graph: Graph, parameters: ReadonlySet<string>): Set<string> {
  const readers = new Map<string, number>();
  for (const name of graph.nodes.flatMap((n) => n.inputs)) readers.set(name, (readers.get(name) ?? 0) + 1);
  const once = (name: string) => readers.get(name) === 1;
  const shaped = new Map<string, string>();
  const local = new Set<string>();
  for (const node of graph.nodes) {
    const [first, second = '', third = ''] = node.inputs as [string, string?, string?];
    if (node.op === 'Reshape' && parameters.has(first) && once(first) && graph.initializers.has(second)) {
      shaped.set(node.outputs[0]!, first);
    }
    if (!['Conv', 'Gemm', 'MatMul'].includes(node.op) || !once(second)) continue;
    const weight = parameters.has(second) ? second : shaped.get(second);
    if (!weight) continue;
    local.add(weight);
    if (parameters.has(third) && once(third)) local.add(third);
  }
  return local;
}
