import { lower } from '../../autodiff/lower.js';
import type { FloatTensor } from '../../engine/engine.js';
import { sizeOf } from '../../onnx/model.js';
import { Random } from '../../random.js';
import { arranged, fedBy } from '../sequence/headed.js';
import type { SharedState } from '../sequence/shared-state.js';
import { type NodeLayer, withActivations } from './nodes.js';

/** Samples of a run. */
const ROWS = 200;

/**
 * The mean activation of every node but the head's over samples of the last task.
 * @param samples how many, drawn at random; all where it is not given
 * @returns a layer's key -> means of its nodes
 */
export async function meanActivations(
  state: SharedState,
  layers: readonly NodeLayer[],
  samples: number | undefined,
  random: Random,
): Promise<Map<string, Float32Array>> {
  const { engine, isolation, crown, options, tasks } = state;
  const { train } = tasks.at(-1)!;
  const all = Array.from({ length: train.count }, (_, i) => i);
  const indices = samples !== undefined && samples < all.length ? random.shuffle(all).slice(0, samples) : all;
  const measured = withActivations(fedBy(crown, 'x'), layers);
  const rows = Math.min(ROWS, indices.length);
  const network = isolation.network({ crown: measured, earlier: [] }, rows, new Random(options.seed));
  const b = arranged(network);
  b.output(network.features);
  const program = await engine.compile(lower(b.model('lichen-activations')), { threads: options.threads });
  try {
    const width = sizeOf(crown.latentShape);
    const x = { dims: [rows, ...crown.latentShape], data: new Float32Array(rows * width) };
    const feeds: Record<string, FloatTensor> = { x };
    const live = state.values();
    for (const { name, dims } of network.parameters) feeds[name] = { dims, data: live.get(name)! };
    const count = b.shape(network.features)[1]!;
    const sums = new Float64Array(count);
    for (let from = 0; from < indices.length; from += rows) {
      const part = indices.slice(from, from + rows);
      for (const [row, index] of part.entries()) train.read(index, x.data, row * width);
      const found = (await program.run(feeds))[network.features]!.data;
      for (let i = 0; i < part.length * count; i++) sums[i % count]! += found[i]!;
    }
    const means = new Map<string, Float32Array>();
    let from = 0;
    for (const { key, nodes, isHead } of layers) {
      if (isHead) continue;
      means.set(
        key,
        Float32Array.from(sums.subarray(from, from + nodes), (sum) => sum / indices.length),
      );
      from += nodes;
    }
    return means;
  } finally {
    await program.close();
  }
}
