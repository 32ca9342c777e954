import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { gradientRules, gradients } from '../../src/autodiff/gradient.js';
import { lower } from '../../src/autodiff/lower.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { Call, type Operator } from '../../src/engine/tfjs/call.js';
import { operatorsOf } from '../../src/engine/tfjs/operators.js';
import { Value } from '../../src/engine/tfjs/value.js';
import { messageOf } from '../../src/errors.js';
import { floatAttribute, type Graph, intAttribute, type Node } from '../../src/onnx/model.js';
import { generated } from './generated/all.js';
import { type Prepared, prepared } from './numeric.js';

/** Cases of each rule that must have been compared; TensorFlow.js has no gradient for some of those generated. */
const FEWEST = 5;
/** Cases that are generated of operators with forms that it lacks, and of all others. */
const RUNS: Record<string, number> = { Slice: 40, ConvTranspose: 40, Conv: 40, MaxPool: 40, AveragePool: 40 };
const FEW_RUNS = 15;

const ofEqualOnes = (n: Node) => n.op === 'Concat' && new Set(n.inputs).size < n.inputs.length;

/** Nodes with which the other result is right, too: such cases are left to the numerical differences. */
const ambiguous: Record<string, (n: Node) => boolean> = {
  // TensorFlow.js gives each of several largest elements the whole gradient, Lichen a share of it.
  ReduceMax: ofEqualOnes,
  ReduceMin: ofEqualOnes,
  // Since operator set 19, what lies beyond the padding is counted no more.
  AveragePool: (n) => intAttribute(n, 'ceil_mode', 0) === 1 && intAttribute(n, 'count_include_pad', 0) === 1,
};

/** Operators that the engine leaves to others, or computes by steps that TensorFlow.js has no gradient for. */
const own: Record<string, Operator> = {
  BatchNormalization: (c) => {
    const [x, ...each] = [0, 1, 2, 3, 4].map((i) => c.tensor(i)) as [tf.Tensor, ...tf.Tensor[]];
    const wide = each.map((t) =>
      tf.reshape(
        t,
        x.shape.map((d, axis) => (axis === 1 ? d : 1)),
      ),
    );
    const [weight, bias, mean, variance] = wide as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const deviation = tf.sqrt(tf.add(variance, floatAttribute(c.node, 'epsilon', 1e-5)));
    return tf.add(tf.mul(tf.div(tf.sub(x, mean), deviation), weight), bias);
  },
  Dropout: (c) => c.tensor(0),
  ThresholdedRelu: (c) =>
    tf.mul(c.tensor(0), tf.step(tf.sub(c.tensor(0), floatAttribute(c.node, 'alpha', 1)))),
};

const engine = new OrtEngine();

/** The graph's loss of these inputs, node by node in TensorFlow.js. */
function loss(graph: Graph, inputs: ReadonlyMap<string, tf.Tensor>): tf.Scalar {
  const values = new Map<string, Value>();
  for (const [name, t] of graph.initializers) values.set(name, Value.constant(tf, t));
  for (const [name, tensor] of inputs) values.set(name, Value.of(tf, tensor));
  for (const node of graph.nodes) {
    const [operator] = Object.hasOwn(own, node.op)
      ? [own[node.op]!]
      : operatorsOf({ ...graph, nodes: [node] });
    const result = operator!(new Call(tf, node, values));
    const made =
      'channelsLast' in result
        ? [Value.ofChannelsLast(tf, result.channelsLast)]
        : [result].flat().map((t) => Value.of(tf, t));
    for (const [k, value] of made.entries()) if (node.outputs[k]) values.set(node.outputs[k], value);
  }
  return tf.reshape(values.get('loss')!.tensor, []);
}

interface Gradients {
  loss: number;
  gradients: Float32Array[];
}

/** What TensorFlow.js says of what it cannot differentiate or, for the engine's operators, compute. */
const CANNOT =
  /^Cannot compute gradient|^Error in gradient|not (yet )?(implemented|supported)|at least one tensor|spatial axes|only explicit pads/;

/** By TensorFlow.js's own differentiation of the forward graph; undefined for a form that it cannot differentiate. */
function differentiated({ b, names, values }: Prepared): Gradients | undefined {
  const { graph } = lower(b.model());
  const scope = new Map(names.map((name, i) => [name, tf.tensor(values[i]!, [...b.shape(name)])]));
  const ofAll = (...x: tf.Tensor[]) => loss(graph, new Map(names.map((name, i) => [name, x[i]!])));
  try {
    const { value, grads } = tf.valueAndGrads(ofAll)([...scope.values()]);
    return { loss: value.dataSync()[0]!, gradients: grads.map((t) => Float32Array.from(t.dataSync())) };
  } catch (error) {
    if (CANNOT.test(messageOf(error))) return undefined;
    throw error;
  }
}

/** By Lichen's rules, in ONNX Runtime. */
async function derived({ b, names, values }: Prepared): Promise<Gradients> {
  const found = gradients(b, 'loss', names);
  for (const g of found.values()) if (!b.outputs.some((o) => o.name === g)) b.output(g);
  const shapes = names.map((name) => b.shape(name));
  const program = await engine.compile(lower(b.model()), { threads: 1 });
  try {
    const results = await program.run(
      Object.fromEntries(names.map((name, i) => [name, { dims: shapes[i]!, data: values[i]! }])),
    );
    return {
      loss: results.loss!.data[0]!,
      gradients: names.map((name) => results[found.get(name)!]!.data),
    };
  } finally {
    await program.close();
  }
}

describe('gradients of single operators are those of TensorFlow.js, over generated shapes and attributes', () => {
  beforeAll(async () => {
    // In production it does not greet on the console.
    tf.env().set('PROD', true);
    await tf.setBackend('cpu');
  });

  it.each(Object.keys(gradientRules).filter((op) => Object.hasOwn(generated, op)))('%s', async (op) => {
    let seed = 0;
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(generated[op]!, async (c) => {
        const given = prepared(c, ++seed);
        if (given.b.nodes.some((n) => ambiguous[op]?.(n))) return;
        const expected = differentiated(given);
        if (!expected) return;
        compared++;
        const found = await derived(given);
        expectNear([found.loss], [expected.loss], 'loss');
        for (const [i, gradient] of expected.gradients.entries()) {
          expectNear(found.gradients[i]!, gradient, `d loss / d x${i}`);
        }
      }),
      { numRuns: RUNS[op] ?? FEW_RUNS, seed: 2, endOnFailure: false },
    );
    expect(compared).toBeGreaterThanOrEqual(FEWEST);
  });
});

/** To 1e-4 of the largest number, or of 1. */
function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  const numbers = Array.from(expected);
  const tolerance = 1e-4 * Math.max(1, ...numbers.map(Math.abs));
  expect(found.length).toBe(numbers.length);
  numbers.forEach((v, i) => {
    const error = Math.abs(found[i]! - v);
    expect(error, `${what}[${i}]: ${found[i]}, TensorFlow.js ${v}`).toBeLessThanOrEqual(tolerance);
  });
}
