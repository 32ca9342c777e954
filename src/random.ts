/**
 * A seeded generator of pseudo-random numbers (xoshiro128**, Blackman & Vigna 2018). Everything random in
 * Lichen takes one, so that a run repeats bit for bit.
 */
export class Random {
  private readonly s = new Uint32Array(4);

  constructor(seed: number) {
    // splitmix32 spreads a small seed over the whole state.
    let z = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e3779b9) >>> 0;
      let x = z;
      x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
      x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
      this.s[i] = x ^ (x >>> 16);
    }
  }

  /** Where the generator is, as four integers: `resume` goes on from there with the same numbers. */
  position(): number[] {
    return [...this.s];
  }

  /** @param position what `position` gave */
  resume(position: readonly number[]): void {
    this.s.set(position);
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const s = this.s;
    const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k));
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11);
    return result;
  }

  /** Fills an array with integers in [0, 2^32): the same as `uint32` one by one, and faster. */
  fill(into: Uint32Array): void {
    let [a, b, c, d] = this.s as unknown as [number, number, number, number];
    for (let i = 0; i < into.length; i++) {
      const five = Math.imul(b, 5);
      into[i] = Math.imul((five << 7) | (five >>> 25), 9);
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
    }
    this.s.set([a, b, c, d]);
  }

  /** A number in [0, 1). */
  next(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer in [0, n). */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** A draw from the standard normal distribution (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [items[i], items[j]] = [items[j] as T, items[i] as T];
    }
    return items;
  }
}
