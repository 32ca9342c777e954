import {
  type Attribute,
  floatAttribute,
  floats,
  int,
  intAttribute,
  ints,
  type Node,
  node,
  stringAttribute,
} from './model.js';
import type { ConversionContext } from './opset.js';
import { operatorName } from './shapes.js';

type Decomposition = (n: Node, c: ConversionContext) => Node[] | undefined;

/**
 * A node as nodes of the operator set that graphs are built in, for operators that came to the standard later, and
 * for those that ONNX Runtime's own optimizations write.
 * @returns undefined for any other node
 */
export function decompose(n: Node, c: ConversionContext): Node[] | undefined {
  const name = operatorName(n);
  return Object.hasOwn(decompositions, name) ? decompositions[name]!(n, c) : undefined;
}

/** Builds nodes in a row; their tensors are named after the output of the node that they stand for. */
class Row {
  readonly nodes: Node[] = [];
  private readonly out: string;
  private readonly c: ConversionContext;

  constructor(n: Node, c: ConversionContext) {
    this.out = n.outputs[0]!;
    this.c = c;
  }

  add(op: string, inputs: string[], last = false, attributes: Record<string, Attribute> = {}): string {
    const name = last ? this.out : this.c.fresh(`${this.out}.${op.toLowerCase()}`);
    this.nodes.push(node(op, inputs, [name], attributes));
    return name;
  }

  number(value: number): string {
    return this.c.constant(`${this.out}.number${value}`, floats([value], []));
  }
}

/** x * (1 + erf(x / sqrt 2)) / 2 (Hendrycks & Gimpel 2016). */
const exactGelu: Decomposition = (n, c) => {
  const r = new Row(n, c);
  const x = n.inputs[0]!;
  const erf = r.add('Erf', [r.add('Mul', [x, r.number(Math.SQRT1_2)])]);
  r.add('Mul', [r.add('Mul', [x, r.number(0.5)]), r.add('Add', [erf, r.number(1)])], true);
  return r.nodes;
};

/** The same with tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) in the error function's place. */
const tanhGelu: Decomposition = (n, c) => {
  const r = new Row(n, c);
  const x = n.inputs[0]!;
  const squared = r.add('Mul', [x, x]);
  const factor = r.add('Add', [r.add('Mul', [squared, r.number(0.044715)]), r.number(1)]);
  const inner = r.add('Mul', [r.add('Mul', [x, factor]), r.number(Math.sqrt(2 / Math.PI))]);
  const tanh = r.add('Tanh', [inner]);
  r.add('Mul', [r.add('Mul', [x, r.number(0.5)]), r.add('Add', [tanh, r.number(1)])], true);
  return r.nodes;
};

/** x * sigmoid(alpha * x). */
const swish =
  (alpha: number): Decomposition =>
  (n, c) => {
    const r = new Row(n, c);
    const x = n.inputs[0]!;
    const by = floatAttribute(n, 'alpha', alpha);
    r.add('Mul', [x, r.add('Sigmoid', [by === 1 ? x : r.add('Mul', [x, r.number(by)])])], true);
    return r.nodes;
  };

/** x / sqrt(mean(x^2) + epsilon) * scale, the mean over the axes from `axis` on (Zhang & Sennrich 2019). */
const rmsNormalization: Decomposition = (n, c) => {
  const [x, weight] = n.inputs as [string, string];
  const rank = c.rank(x);
  const given = intAttribute(n, 'axis', -1);
  if (rank === undefined && given >= 0) return undefined;
  const from = given < 0 ? given : given - rank!;
  const r = new Row(n, c);
  const axes = ints(Array.from({ length: -from }, (_, i) => from + i));
  const mean = r.add('ReduceMean', [r.add('Mul', [x, x])], false, { axes, keepdims: int(1) });
  const deviation = r.add('Sqrt', [r.add('Add', [mean, r.number(floatAttribute(n, 'epsilon', 1e-5))])]);
  r.add('Mul', [r.add('Div', [x, deviation]), weight], true);
  return r.nodes;
};

const decompositions: Readonly<Record<string, Decomposition>> = {
  Gelu: (n, c) => (stringAttribute(n, 'approximate', 'none') === 'tanh' ? tanhGelu : exactGelu)(n, c),
  'com.microsoft::Gelu': exactGelu,
  'com.microsoft::FastGelu': (n, c) => (n.inputs[1] ? undefined : tanhGelu(n, c)),
  'com.microsoft::QuickGelu': swish(1.702),
  Swish: swish(1),
  Mish: (n, c) => {
    const r = new Row(n, c);
    const x = n.inputs[0]!;
    r.add('Mul', [x, r.add('Tanh', [r.add('Softplus', [x])])], true);
    return r.nodes;
  },
  RMSNormalization: rmsNormalization,
};

/** Operators that are always rewritten here, as files name them. */
export const decomposedOperators: readonly string[] = Object.keys(decompositions);
