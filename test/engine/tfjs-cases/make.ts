import { GraphBuilder } from '../../../src/onnx/builder.js';
import { type Attribute, ElementType, int, type Model, node, sizeOf } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';

/** Two pictures of four channels. */
export const PICTURE = [2, 4, 6, 5];

/** One node, or a few around it, to be computed by both engines. */
export interface OperatorCase {
  op: string;
  title: string;
  model: Model;
  feeds: Record<string, { dims: number[]; data: Float32Array }>;
}

export interface Given {
  /** Shapes of the float inputs. */
  shapes?: number[][];
  attributes?: Record<string, Attribute>;
  /** Names of further inputs, mostly constants. */
  more?: (b: GraphBuilder) => string[];
  low?: number;
  high?: number;
  outputs?: number;
  /** Operator set, where the operator is younger than that of built graphs. */
  opset?: number;
}

const named = (op: string, title: string, model: Model, low = -2, high = 2): OperatorCase => {
  const random = new Random(title.length + 31 * op.length);
  const draw = () => low + random.next() * (high - low);
  const feeds = Object.fromEntries(
    model.graph.inputs.map((i) => {
      const dims = (i.dims ?? []).map(Number);
      return [i.name, { dims, data: Float32Array.from({ length: sizeOf(dims) }, draw) }];
    }),
  );
  return { op, title, model, feeds };
};

/** A node on float inputs x0, x1, ... with outputs y0, y1, ...; shapes of outputs are left to the engines. */
export function one(op: string, title: string, g: Given): OperatorCase {
  const b = new GraphBuilder();
  const x = (g.shapes ?? [[2, 3, 4]]).map((s, i) => b.input(`x${i}`, s));
  const inputs = [...x, ...(g.more?.(b) ?? [])];
  const names = Array.from({ length: g.outputs ?? 1 }, (_, i) => `y${i}`);
  const graph = b.graph();
  const model: Model = {
    ...b.model(),
    opset: g.opset ?? 17,
    graph: {
      ...graph,
      nodes: [...graph.nodes, node(op, inputs, names, g.attributes)],
      outputs: names.map((name) => ({ name, type: ElementType.float })),
    },
  };
  return named(op, title, model, g.low, g.high);
}

/** Several nodes; `build` names the operator's result, which is made float for comparing. */
export function several(
  op: string,
  title: string,
  build: (b: GraphBuilder) => string,
  range?: [number, number],
) {
  const b = new GraphBuilder();
  b.output(b.op('Cast', [build(b)], { to: int(1) }, 'y'));
  return named(op, title, b.model(), ...(range ?? []));
}

/** A node of which the builder does not know the shape: that of its first input. */
export function plain(b: GraphBuilder, op: string, inputs: string[], shape = b.shape(inputs[0]!)): string {
  const output = b.fresh(op);
  // The builder takes a node's shape from its rule; Identity's rule is that of the first input.
  const name = b.op('Identity', [b.op('Expand', [b.scalar(0), b.ints(...shape)])], {}, output);
  const made = b.nodes.at(-1)!;
  made.op = op;
  made.inputs = inputs;
  return name;
}
