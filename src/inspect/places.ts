import { cutPoints } from '../onnx/cut.js';
import type { Network } from './network.js';

/**
 * Nodes of all the crowns together that are built at most. For every cut a crown is cut and its step built, so that in a
 * deep chain, which can be cut behind every node, the work would grow with the square of its length.
 */
const MOST_NODES = 200_000;
/** Of the deepest networks, too, so many cuts are looked at. */
const LEAST_CUTS = 8;

/** Every tensor where a network can be cut, from the input's side to the output's. */
export function placesOf(network: Network): string[] {
  // Normalizing makes tensors that the file does not have, and a backbone is cut as it is in its file.
  const real = new Set(cutPoints(network.raw.graph));
  return cutPoints(network.model.graph).filter((t) => real.has(t));
}

/**
 * The places that are looked at: all of them where the crowns have at most `MOST_NODES` nodes together, as those of
 * usual networks do; else as many as that allows, evenly spread from the first to the last, and the wanted one.
 * @param nodes of the whole network
 */
export function lookedAt(places: readonly string[], nodes: number, wanted: string | null): string[] {
  const most = Math.max(LEAST_CUTS, Math.floor(MOST_NODES / Math.max(1, nodes)));
  if (places.length <= most) return [...places];
  const spread = Array.from({ length: most }, (_, i) => Math.round((i * (places.length - 1)) / (most - 1)));
  const chosen = new Set(spread.map((i) => places[i]));
  return places.filter((p) => chosen.has(p) || p === wanted);
}
