import { describe, expect, test } from 'vitest';
import { OrtEngine } from '../../../src/engine/ort.js';
import { factorizeCovariance } from '../../../src/learn/streaming/covariance.js';
import { rowStart } from '../../../src/learn/streaming/linear.js';
import { RowProducts } from '../../../src/learn/streaming/row-products.js';
import { ThinCovariance } from '../../../src/learn/streaming/thin-covariance.js';
import { Random } from '../../../src/random.js';

const WIDTH = 64;

/** The scatter of so many random samples, some features of which vary a hundred times as much as others. */
function scatterOf(samples: number, seed: number) {
  const random = new Random(seed);
  const rows = Array.from({ length: samples }, () =>
    Array.from({ length: WIDTH }, (_, k) => random.normal() * (k % 8 === 0 ? 10 : 0.1)),
  );
  const lower = new Float32Array(rowStart(WIDTH));
  for (let i = 0; i < WIDTH; i++) {
    for (let j = 0; j <= i; j++)
      lower[rowStart(i) + j] = rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
  }
  const scales = Float64Array.from({ length: WIDTH }, () => 0.5 + random.next());
  return { scatter: { lower, samples, rank: samples }, scales, random };
}

/** The shrunken covariance itself, as the factorization's docstring defines it. */
function covarianceOf({ scatter, scales }: ReturnType<typeof scatterOf>, shrinkage: number): number[][] {
  const { lower, samples } = scatter;
  const scaled = (i: number, j: number) => {
    const at = rowStart(Math.max(i, j)) + Math.min(i, j);
    return (lower[at]! * scales[i]! * scales[j]!) / samples;
  };
  let trace = 0;
  for (let k = 0; k < WIDTH; k++) trace += scaled(k, k);
  return Array.from({ length: WIDTH }, (_, i) =>
    Array.from(
      { length: WIDTH },
      (_, j) => (1 - shrinkage) * scaled(i, j) + (i === j ? (shrinkage * trace) / WIDTH : 0),
    ),
  );
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, v, k) => sum + v * b[k]!, 0);

// Up to an eighth of the features the covariance is thin: 8 of these 64.
describe.each([
  ['one sample', 1, 0.2],
  ['an odd number', 5, 0.2],
  ['as many as are thin', 8, 0.05],
  ['one more', 9, 0.05],
  ['many', 300, 0.2],
])('a covariance of %s', (_, samples, shrinkage) => {
  const given = scatterOf(samples, samples);
  const covariance = covarianceOf(given, shrinkage);
  const vector = () => Float64Array.from({ length: WIDTH }, () => given.random.normal());

  test('is solved for', async () => {
    const factor = await factorizeCovariance(given.scatter, given.scales, shrinkage);
    const x = vector();
    const y = x.slice();
    factor.solve(y);
    for (const [i, row] of covariance.entries()) expect(dot(row, y)).toBeCloseTo(x[i]!, 3);
  });

  test('becomes the unit matrix in the new basis', async () => {
    const factor = await factorizeCovariance(given.scatter, given.scales, shrinkage);
    const [x, y] = [vector(), vector()];
    const solved = y.slice();
    factor.solve(solved);
    const expected = dot(x, solved);
    factor.whiten(x);
    factor.whiten(y);
    expect(dot(x, y) / expected).toBeCloseTo(1, 4);
  });

  test('does so to many vectors at once as to each', async () => {
    const factor = await factorizeCovariance(given.scatter, given.scales, shrinkage);
    const products = await RowProducts.open(new OrtEngine());
    const rows = [vector(), vector(), vector()];
    const one = rows.map((row) => row.slice());
    await factor.whitenAll(products, rows);
    await products.close();
    for (const [i, x] of one.entries()) {
      factor.whiten(x);
      const length = Math.sqrt(dot(x, x));
      for (const [k, value] of rows[i]!.entries()) expect((value - x[k]!) / length).toBeCloseTo(0, 5);
    }
  });
});

test('one without any scatter is the unit matrix', async () => {
  const scales = new Float64Array(WIDTH).fill(1);
  const scatter = { lower: new Float32Array(rowStart(WIDTH)), samples: 3, rank: 0 };
  const factor = await factorizeCovariance(scatter, scales, 0.2);
  const x = Float64Array.from({ length: WIDTH }, (_, k) => k - 7);
  const before = x.slice();
  factor.whiten(x);
  expect(x).toEqual(before);
  factor.solve(x);
  expect(x).toEqual(before);
});

test('a thin one keeps as many directions as there are', async () => {
  const { scatter, scales } = scatterOf(9, 2);
  const factorized = (most: number) => ThinCovariance.factorize(scatter.lower, scales, 0.8 / 9, 1, most);
  expect(await factorized(8)).toBeUndefined();
  expect(await factorized(9)).toBeDefined();
});

test('a rank that is told too low is noticed', async () => {
  const given = scatterOf(300, 5);
  const factor = await factorizeCovariance({ ...given.scatter, rank: 4 }, given.scales, 0.2);
  const x = Float64Array.from({ length: WIDTH }, () => given.random.normal());
  const y = x.slice();
  factor.solve(y);
  for (const [i, row] of covarianceOf(given, 0.2).entries()) expect(dot(row, y)).toBeCloseTo(x[i]!, 3);
});
