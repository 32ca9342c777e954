import type { NodeLayer } from './nodes.js';

/** Where a node's weight for a column is. */
export function placeOf({ nodesFirst, nodes, columns }: NodeLayer, n: number, column: number): number {
  return nodesFirst ? n * columns + column : column * nodes + n;
}

/** Whether a node reads nothing and has no bias. */
export function isZero(layer: NodeLayer, weight: Float32Array, bias: Float32Array, n: number): boolean {
  for (let c = 0; c < layer.columns; c++) if (weight[placeOf(layer, n, c)] !== 0) return false;
  return bias[n] === 0;
}

/** Makes nodes read nothing, without a bias. */
export function setZero(
  layer: NodeLayer,
  weight: Float32Array,
  bias: Float32Array,
  nodes: readonly number[],
): void {
  for (const n of nodes) {
    for (let c = 0; c < layer.columns; c++) weight[placeOf(layer, n, c)] = 0;
    bias[n] = 0;
  }
}
