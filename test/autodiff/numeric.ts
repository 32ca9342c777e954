import { expect } from 'vitest';
import { gradients } from '../../src/autodiff/gradient.js';
import { lower } from '../../src/autodiff/lower.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { floats, sizeOf } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';

export interface Checked {
  /** Shape of each trained input. */
  shapes: number[][];
  /** Builds the graph and returns the tensor to differentiate. */
  build(b: GraphBuilder, inputs: string[]): string;
  /** Range that inputs are drawn from; kept away from kinks by `gap`. */
  low?: number;
  high?: number;
  /** No value is drawn nearer than this to one of `kinks`. */
  kinks?: number[];
}

const EPSILON = 1e-2;
const GAP = 5 * EPSILON;

/** A case as a graph with values for its inputs. */
export interface Prepared {
  /** The graph up to the output `loss`, sum(r * y) with random r. */
  b: GraphBuilder;
  names: string[];
  values: Float32Array[];
}

/** Draws a case's values and builds its graph. */
export function prepared(c: Checked, seed: number): Prepared {
  const random = new Random(seed);
  const draw = (): number => {
    for (;;) {
      const v = (c.low ?? -2) + random.next() * ((c.high ?? 2) - (c.low ?? -2));
      if ((c.kinks ?? []).every((k) => Math.abs(v - k) > GAP)) return v;
    }
  };
  const names = c.shapes.map((_, i) => `x${i}`);
  const values = c.shapes.map((s) => Float32Array.from({ length: sizeOf(s) }, draw));
  const b = new GraphBuilder();
  for (const [i, s] of c.shapes.entries()) b.input(names[i]!, s);
  const y = c.build(b, names);
  const weights = Float32Array.from({ length: sizeOf(b.shape(y)) }, () => random.normal());
  const weighted = b.op('Mul', [y, b.constant(floats(weights, b.shape(y)))]);
  b.op('ReduceSum', [weighted], { keepdims: { kind: 'int', value: 0 } }, 'loss');
  b.output('loss');
  return { b, names, values };
}

/**
 * Compares the gradient graph's result with central differences of the forward graph, element by element.
 */
export async function checkGradient(c: Checked, seed = 1): Promise<void> {
  const { b, names, values } = prepared(c, seed);
  const found = gradients(b, 'loss', names);
  for (const g of found.values()) if (!b.outputs.some((o) => o.name === g)) b.output(g);
  const program = await new OrtEngine().compile(lower(b.model()), { threads: 1 });
  const run = () =>
    program.run(Object.fromEntries(names.map((n, i) => [n, { dims: c.shapes[i]!, data: values[i]! }])));
  try {
    const results = await run();
    for (const [i, name] of names.entries()) {
      const analytic = results[found.get(name)!]!;
      expect(analytic.dims, `shape of the gradient of ${name}`).toEqual(c.shapes[i]);
      for (let k = 0; k < values[i]!.length; k++) {
        const kept = values[i]![k]!;
        values[i]![k] = kept + EPSILON;
        const above = (await run()).loss!.data[0]!;
        values[i]![k] = kept - EPSILON;
        const below = (await run()).loss!.data[0]!;
        values[i]![k] = kept;
        const numeric = (above - below) / (2 * EPSILON);
        const error = Math.abs(numeric - analytic.data[k]!) / (1 + Math.abs(numeric));
        expect(error, `d loss / d ${name}[${k}]: numeric ${numeric}, graph ${analytic.data[k]}`).toBeLessThan(
          8e-3,
        );
      }
    }
  } finally {
    await program.close();
  }
}
