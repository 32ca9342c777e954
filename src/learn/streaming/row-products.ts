import type { Engine, Program } from '../../engine/engine.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { int, type Model } from '../../onnx/model.js';

const RESULT = 'result';

/** Rows of the same length, one after the other: [count, width]. */
export interface Matrix {
  data: Float32Array;
  count: number;
  width: number;
}

/** Products of rows of thousands of features, by the engine: many times faster than here, for a single row, too. */
export class RowProducts {
  private readonly inner: Program;
  private readonly without: Program;

  private constructor(inner: Program, without: Program) {
    this.inner = inner;
    this.without = without;
  }

  /** It holds native memory: close it. */
  static async open(engine: Engine): Promise<RowProducts> {
    const options = { arena: false, spin: false, threads: 1 };
    const inner = await engine.compile(innerModel(), options);
    try {
      return new RowProducts(inner, await engine.compile(withoutModel(), options));
    } catch (error) {
      await inner.close();
      throw error;
    }
  }

  /** A B': [a.count, b.count]. */
  of(a: Matrix, b: Matrix): Promise<Float32Array> {
    return run(this.inner, { a, b });
  }

  /** A - A V' T' V: [a.count, a.width]. @param t [v.count, v.count] */
  reflected(a: Matrix, v: Matrix, t: Matrix): Promise<Float32Array> {
    return run(this.without, { a, v, t });
  }

  async close(): Promise<void> {
    await this.inner.close();
    await this.without.close();
  }
}

async function run(program: Program, matrices: Record<string, Matrix>): Promise<Float32Array> {
  const feeds = Object.entries(matrices).map(([name, { data, count, width }]) => {
    return [name, { dims: [count, width], data: data.subarray(0, count * width) }] as const;
  });
  return (await program.run(Object.fromEntries(feeds)))[RESULT]!.data;
}

function innerModel(): Model {
  const b = new GraphBuilder();
  b.op('Gemm', [b.input('a', [1, 1]), b.input('b', [1, 1])], { transB: int(1) }, RESULT);
  b.output(RESULT);
  return ofAnySize(b.model('lichen-row-products'), { a: ['n', 'd'], b: ['m', 'd'], [RESULT]: ['n', 'm'] });
}

function withoutModel(): Model {
  const b = new GraphBuilder();
  const [a, v, t] = [b.input('a', [1, 1]), b.input('v', [1, 1]), b.input('t', [1, 1])];
  const along = b.op('Gemm', [a, v], { transB: int(1) });
  const weights = b.op('Gemm', [along, t], { transB: int(1) });
  b.op('Sub', [a, b.op('MatMul', [weights, v], {})], {}, RESULT);
  b.output(RESULT);
  const dims = { a: ['n', 'd'], v: ['r', 'd'], t: ['r', 'r'], [RESULT]: ['n', 'd'] };
  return ofAnySize(b.model('lichen-reflections'), dims);
}

/** What was built for matrices of one number each, for matrices of any size. */
function ofAnySize(model: Model, dims: Record<string, string[]>): Model {
  const any = (values: Model['graph']['inputs']) => values.map((v) => ({ ...v, dims: dims[v.name]! }));
  const { graph } = model;
  return { ...model, graph: { ...graph, inputs: any(graph.inputs), outputs: any(graph.outputs) } };
}
