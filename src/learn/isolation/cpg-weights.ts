import { sizeOf } from '../../onnx/model.js';
import type { AdapterTensors } from '../adapter.js';
import type { Crown, IsolationContext } from '../strategy.js';
import { type WeightLayer, weightLayer } from './layers.js';
import { embedded, type Widths, widened } from './widening.js';

/** The weights of one layer that tasks own. */
export interface OwnedWeights {
  dims: readonly number[];
  /** For every weight the number of its owner: 0 is free, 1 the first; the backbone is one where it is pretrained. */
  owner: Uint16Array;
  /** Value of every owned weight; 0 where it is free. */
  values: Float32Array;
}

/**
 * What is kept of a layer for a task: a bit a weight that says whether the task uses it, and the values of those that
 * nobody owned before. A weight is owned by the first task that uses it, so that the bits of all tasks are the index
 * of owners, too. Biases and scales are the task's own.
 */
export const partsOf = (key: string) => ({
  used: `${key}.used`,
  values: `${key}.values`,
  bias: `${key}.bias`,
  scale: `${key}.scale`,
});

/** Layers whose weights tasks may own, by the name of their output: all but the depthwise ones. */
export function ownableLayers({ graph }: Crown): Map<string, WeightLayer> {
  return new Map(
    graph.nodes.flatMap((node) => {
      const layer = weightLayer(graph, node);
      return layer && !layer.depthwise ? [[node.outputs[0]!, layer] as const] : [];
    }),
  );
}

/** Output channels of every layer in a task's network. */
export function widthsOf(tensors: AdapterTensors | undefined): Widths {
  const end = '.bias';
  return new Map(
    [...(tensors ?? [])]
      .filter(([name]) => name.endsWith(end))
      .map(([name, { dims }]) => [name.slice(0, -end.length), dims[0]!]),
  );
}

/**
 * Who owns which weight after the earlier tasks, in a network of these widths.
 * @param pretrained whether the crown's own weights are owned by a first owner, the backbone
 */
export function ownership(
  { crown, earlier }: IsolationContext,
  pretrained: boolean,
  widths: Widths,
): { crown: Crown; layers: Map<string, OwnedWeights> } {
  const wide = widened(crown, widths);
  const base = ownableLayers(crown);
  const layers = new Map<string, OwnedWeights>();
  for (const [key, { weight }] of ownableLayers(wide)) {
    const { dims } = weight;
    const owned = { dims, owner: new Uint16Array(sizeOf(dims)), values: new Float32Array(sizeOf(dims)) };
    if (pretrained) {
      const own = base.get(key)!.weight;
      claim(
        owned,
        embedded({ dims: own.dims, data: new Uint8Array(own.data.length).fill(1) }, dims).data,
        own.data,
        1,
      );
    }
    earlier.forEach((tensors, i) => {
      const { used, values } = partsOf(key);
      const bits = embedded(tensors.get(used)!, dims).data;
      claim(owned, bits, tensors.get(values)!.data, i + (pretrained ? 2 : 1));
    });
    layers.set(key, owned);
  }
  return { crown: wide, layers };
}

/** Gives the free ones of the weights that a task uses to it, with their values in order. */
function claim(
  { owner, values }: OwnedWeights,
  used: ArrayLike<number>,
  own: Float32Array,
  number: number,
): void {
  let at = 0;
  for (let i = 0; i < owner.length; i++) {
    if (used[i] === 0 || owner[i] !== 0) continue;
    owner[i] = number;
    values[i] = own[at++]!;
  }
}
