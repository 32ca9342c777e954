/**
 * The first `count` numbers of a counter-based generator of 32 bits. It is as quickly done in numpy (`hashes` of
 * bench/speed/peer.py), so that both sides of a comparison train the same weights on the same data.
 */
export function hashed(seed: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => {
    let x = Math.imul(i + 1, 0x9e3779b9) + seed;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return x ^ (x >>> 16);
  });
}

/** Numbers in [-bound, bound). */
export function uniform(seed: number, count: number, bound: number): Float32Array {
  return Float32Array.from(hashed(seed, count), (h) => (h / 2 ** 31 - 1) * bound);
}

/**
 * A random weight whose products keep the size of what goes through (He et al. 2015, uniform).
 * @param dims output channels first; all others are what one output reads
 */
export function layerWeight(seed: number, dims: readonly number[]): Float32Array {
  const fanIn = dims.slice(1).reduce((a, b) => a * b, 1);
  return uniform(seed, fanIn * dims[0]!, Math.sqrt(6 / fanIn));
}
