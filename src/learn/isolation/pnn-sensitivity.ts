import { gradients } from '../../autodiff/gradient.js';
import { crossEntropy } from '../../autodiff/loss.js';
import { lower } from '../../autodiff/lower.js';
import { scale, sum } from '../../autodiff/rule.js';
import type { Engine, FloatTensor } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { floats, int, sizeOf } from '../../onnx/model.js';
import type { AdapterTensors } from '../adapter.js';
import type { Samples } from '../samples.js';
import type { TaskHead } from '../sequence/task-trainer.js';
import type { IsolationContext } from '../strategy.js';
import type { ColumnSource, Pnn } from './pnn.js';

/** How much of what a layer reads comes from one source. */
export interface SourceSensitivity extends ColumnSource {
  /** Share of the layer's Fisher information; the shares of a layer's sources come to 1, or are all 0. */
  share: number;
}

/** A learned column. */
export interface LearnedColumn {
  pnn: Pnn;
  context: IsolationContext;
  tensors: AdapterTensors;
  head: TaskHead;
}

/** Rows of a run. */
const ROWS = 100;
const [WEIGHTS, PROBABILITIES] = ['weights', 'probabilities'];

/**
 * Average Fisher sensitivity (Rusu et al. 2016, section 3): the diagonal Fisher information of a column's answers in
 * the normalized activations that its layers read, as shares of each layer's sources. Read at the lateral itself, so
 * that what one earlier column gives by way of another counts for the other. The expectation over answers is exact:
 * one backward pass a class, weighted by the class's probability. Positions of a map are summed.
 * @param samples batches of 100 are used; what is left over is not
 * @returns none for columns without laterals
 * @throws LichenError `learn-no-samples`
 */
export async function lateralSensitivity(
  engine: Engine,
  column: LearnedColumn,
  samples: Samples,
): Promise<SourceSensitivity[]> {
  if (samples.count === 0)
    throw new LichenError('learn-no-samples', 'there is no sample to measure laterals on');
  const rows = Math.min(ROWS, samples.count);
  const { b, taps } = sensitivityGraph(column, rows);
  if (taps.length === 0) return [];
  const program = await engine.compile(lower(b.model('lichen-sensitivity')), {});
  try {
    const { crown } = column.context;
    const width = sizeOf(crown.latentShape);
    const classes = column.head.bias.length;
    const x: FloatTensor = { dims: [rows, ...crown.latentShape], data: new Float32Array(rows * width) };
    const sums = taps.map(({ channels }) => new TapSums(channels));
    const batches = Math.floor(samples.count / rows);
    for (let batch = 0; batch < batches; batch++) {
      for (let row = 0; row < rows; row++) samples.read(batch * rows + row, x.data, row * width);
      const weighed = (data: Float32Array) => ({
        [crown.latent]: x,
        [WEIGHTS!]: { dims: [rows, classes], data },
      });
      const first = await program.run(weighed(new Float32Array(rows * classes)));
      const probabilities = first[PROBABILITIES!]!.data.slice();
      taps.forEach(({ tensor }, i) => {
        sums[i]!.addActivations(first[`${tensor}.sum`]!.data, first[`${tensor}.squares`]!.data);
      });
      for (let c = 0; c < classes; c++) {
        // A gradient weighted by the root of p is p times the square of the gradient, once squared.
        const roots = probabilities.map((p, i) => (i % classes === c ? Math.sqrt(p) : 0));
        const found = await program.run(weighed(roots));
        taps.forEach(({ tensor }, i) => {
          sums[i]!.addFisher(found[`${tensor}.fisher`]!.data);
        });
      }
    }
    return shares(
      taps.map(({ source, positions }, i) => ({
        source,
        fisher: sums[i]!.fisher(batches * rows, positions),
      })),
    );
  } finally {
    await program.close();
  }
}

/** The column's network, with sums over the batch for everything that its layers read. */
function sensitivityGraph({ pnn, context, tensors, head }: LearnedColumn, rows: number) {
  const b = new GraphBuilder();
  const { latent, latentShape } = context.crown;
  b.input(latent, [rows, ...latentShape]);
  const taps: { source: ColumnSource; tensor: string; channels: number; positions: number }[] = [];
  const { features } = pnn.deploy(context, tensors, b, latent, (builder, source, read) => {
    const tensor = builder.op('Identity', [read], {}, `tap${taps.length}`);
    const [, channels, ...positions] = builder.shape(tensor) as [number, number, ...number[]];
    taps.push({ source, tensor, channels, positions: sizeOf(positions) });
    return tensor;
  });
  const classes = head.bias.length;
  const weight = b.constant(floats(head.weight, [classes, b.shape(features)[1]!]));
  const bias = b.constant(floats(head.bias, [classes]));
  const logits = b.op('Gemm', [features, weight, bias], { transB: int(1) });
  b.op('Softmax', [logits], { axis: int(1) }, PROBABILITIES);
  b.output(PROBABILITIES!);
  // The sum over the rows, not their mean: rows are apart.
  const loss = scale(b, crossEntropy(b, logits, b.input(WEIGHTS!, [rows, classes])), rows);
  const found = gradients(
    b,
    loss,
    taps.map(({ tensor }) => tensor),
  );
  for (const { tensor } of taps) {
    const axes = b.shape(tensor).flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    const squares = (of: string) => b.op('Mul', [of, of]);
    const named = (name: string, value: string) =>
      b.output(b.op('Identity', [value], {}, `${tensor}.${name}`));
    named('sum', sum(b, tensor, axes));
    named('squares', sum(b, squares(tensor), axes));
    named('fisher', sum(b, squares(found.get(tensor)!), axes));
  }
  return { b, taps };
}

/** Sums over samples for each channel of what a layer reads. */
class TapSums {
  private readonly sum: Float64Array;
  private readonly squares: Float64Array;
  private readonly information: Float64Array;

  constructor(channels: number) {
    this.sum = new Float64Array(channels);
    this.squares = new Float64Array(channels);
    this.information = new Float64Array(channels);
  }

  addActivations(sums: Float32Array, squares: Float32Array): void {
    sums.forEach((s, m) => {
      this.sum[m]! += s;
      this.squares[m]! += squares[m]!;
    });
  }

  addFisher(squares: Float32Array): void {
    squares.forEach((s, m) => {
      this.information[m]! += s;
    });
  }

  /** The Fisher information in the normalized activations: their variance times that in the activations themselves. */
  fisher(count: number, positions: number): number {
    const values = count * positions;
    return this.information.reduce((all, information, m) => {
      const mean = this.sum[m]! / values;
      return all + (Math.max(0, this.squares[m]! / values - mean * mean) * information) / count;
    }, 0);
  }
}

function shares(found: readonly { source: ColumnSource; fisher: number }[]): SourceSensitivity[] {
  const totals = new Map<string, number>();
  for (const { source, fisher } of found) totals.set(source.layer, (totals.get(source.layer) ?? 0) + fisher);
  return found.map(({ source, fisher }) => {
    const total = totals.get(source.layer)!;
    return { ...source, share: total > 0 ? fisher / total : 0 };
  });
}
