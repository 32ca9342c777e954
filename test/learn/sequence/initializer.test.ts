import { describe, expect, it } from 'vitest';
import { mlp } from '../../../bench/continual/networks.js';
import { HEAD, withHead } from '../../../src/learn/sequence/headed.js';
import {
  fanInUniform,
  glorotUniform,
  type Initializer,
  truncatedNormal,
} from '../../../src/learn/sequence/initializer.js';
import { Random } from '../../../src/random.js';

const DRAWS = 200_000;

/** Mean, deviation and largest size of draws for weights of layers of 400 inputs and 200 units. */
function drawn(initializer: Initializer) {
  const random = new Random(5);
  const layer = { fanIn: 400, fanOut: 200, of: 'weight' } as const;
  const values = Float64Array.from({ length: DRAWS }, () => initializer(random, layer));
  const mean = values.reduce((sum, v) => sum + v, 0) / DRAWS;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / DRAWS;
  const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return { mean, deviation: Math.sqrt(variance), largest };
}

describe('initializers', () => {
  it('the truncated normal ends at two deviations and has 0.88 of the one that is given', () => {
    const { mean, deviation, largest } = drawn(truncatedNormal(0.1));
    expect(mean).toBeCloseTo(0, 3);
    // The deviation of a standard normal between -2 and 2 is sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)) = 0.8796.
    expect(deviation).toBeCloseTo(0.08796, 3);
    expect(largest).toBeLessThanOrEqual(0.2);
    expect(largest).toBeGreaterThan(0.199);
  });

  it('the uniform one ends at 1 / sqrt(fan-in)', () => {
    const { mean, deviation, largest } = drawn(fanInUniform);
    expect(mean).toBeCloseTo(0, 3);
    expect(deviation).toBeCloseTo(0.05 / Math.sqrt(3), 3);
    expect(largest).toBeLessThanOrEqual(0.05);
  });

  it('Glorot’s ends at sqrt(6 / (fan-in + fan-out)), and biases begin with 0', () => {
    const { mean, deviation, largest } = drawn(glorotUniform);
    expect(mean).toBeCloseTo(0, 3);
    expect(deviation).toBeCloseTo(0.1 / Math.sqrt(3), 3);
    expect(largest).toBeLessThanOrEqual(0.1);
    expect(largest).toBeGreaterThan(0.0999);
    const { initializers } = mlp(784, [50], 1, glorotUniform).graph;
    expect(initializers.get('dense0.b')!.data).toEqual(new Float32Array(50));
    const weights = initializers.get('dense0.w')!.data as Float32Array;
    expect(Math.max(...weights)).toBeGreaterThan(0.99 * Math.sqrt(6 / 834));
  });

  it('a network and its head begin with what is asked for', () => {
    const initializer = truncatedNormal(0.1);
    const headed = withHead(mlp(784, [50], 1, initializer), 10, new Random(2), initializer);
    const { initializers } = headed.graph;
    for (const name of ['dense0.w', 'dense0.b', `${HEAD}:w`, `${HEAD}:b`]) {
      const data = initializers.get(name)!.data as Float32Array;
      const size = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
      // Biases are few: their spread is far from exact.
      expect(size, name).toBeGreaterThan(0.05);
      expect(size, name).toBeLessThan(0.12);
    }
  });
});
