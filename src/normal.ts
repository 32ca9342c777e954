import type { Random } from './random.js';

/** Layers of equal area under the density, where the tail begins, and the area of a layer (Marsaglia & Tsang 2000). */
const LAYERS = 128;
const TAIL = 3.442619855899;
const AREA = 9.91256303526217e-3;

/** Random integers that are made at once. */
const BLOCK = 4096;

/** Right edges of the layers; a point of a layer is accepted at once where it lies within the edge above. */
const EDGES = edges();
const SURE = EDGES.slice(0, LAYERS).map((edge, i) => EDGES[i + 1]! / edge);

function edges(): Float64Array {
  const x = new Float64Array(LAYERS + 1);
  let density = Math.exp(-0.5 * TAIL * TAIL);
  x[0] = AREA / density;
  x[1] = TAIL;
  for (let i = 2; i < LAYERS; i++) {
    x[i] = Math.sqrt(-2 * Math.log(AREA / x[i - 1]! + density));
    density = Math.exp(-0.5 * x[i]! * x[i]!);
  }
  return x;
}

/**
 * Fills an array with draws of the standard normal distribution by the ziggurat method, in Doornik's form (2005, 'An
 * improved ziggurat method to generate normal random samples'): several times as fast as `Random.normal`, which
 * matters where a step of training needs tens of thousands.
 */
export function fillNormal(into: Float32Array, random: Random): void {
  const bits = new Uint32Array(Math.min(BLOCK, into.length));
  for (let from = 0; from < into.length; from += BLOCK) {
    const count = Math.min(BLOCK, into.length - from);
    random.fill(bits);
    for (let i = 0; i < count; i++) {
      const layer = bits[i]! & (LAYERS - 1);
      const u = (bits[i]! >>> 7) / 2 ** 24 - 1;
      into[from + i] = Math.abs(u) < SURE[layer]! ? u * EDGES[layer]! : draw(bits[i]!, random);
    }
  }
}

/** A draw from 32 random bits: seven choose the layer, the others the point in it; more are taken where it lies outside. */
function draw(first: number, random: Random): number {
  for (let bits = first; ; bits = random.uint32()) {
    const layer = bits & (LAYERS - 1);
    const u = (bits >>> 7) / 2 ** 24 - 1;
    const x = u * EDGES[layer]!;
    if (Math.abs(u) < SURE[layer]!) return x;
    if (layer === 0) return u < 0 ? -tail(random) : tail(random);
    const below = Math.exp(-0.5 * (EDGES[layer]! ** 2 - x * x));
    const above = Math.exp(-0.5 * (EDGES[layer + 1]! ** 2 - x * x));
    if (above + random.next() * (below - above) < 1) return x;
  }
}

/** A draw beyond the layers (Marsaglia 1964). */
function tail(random: Random): number {
  for (;;) {
    const x = -Math.log(1 - random.next()) / TAIL;
    const y = -Math.log(1 - random.next());
    if (2 * y >= x * x) return TAIL + x;
  }
}
