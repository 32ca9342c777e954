import type { Rows } from './network.js';

/**
 * A discriminant's logits are too far apart by about so many times its features over its samples: the means and the covariance of few
 * samples are wrong in many directions, which all count. Measured on three sets of pictures, two to ten classes, 4 to 640 samples,
 * 192 and 2,048 features (docs/benchmarks.md).
 */
const TIMES = { covariance: 8, none: 4.5 };
/** As if there were so many samples more. */
const BESIDES = 15;
/** What was best for more samples than were looked at. */
const LEAST = 3;
/** Standard deviation of the best temperature's logarithm about the presumed one's. */
const SPREAD = 0.5;

/**
 * The temperature of a discriminant's answers before held-out samples have said more.
 * @param covariance whether it goes by a covariance; without one the nearest mean answers
 */
export function presumedTemperature(width: number, samples: number, covariance: boolean): number {
  const times = covariance ? TIMES.covariance : TIMES.none;
  return Math.max(LEAST, (times * width) / (samples + BESIDES));
}

/**
 * The temperature that makes the probabilities most likely (Guo et al. 2017). A few errors are presumed beyond those seen, so
 * that a faultless small set does not make the answers certain.
 * @param scores logits, [count, classes]; of a class that is unknown to them minus infinity
 */
export function fitTemperature(
  scores: Rows,
  labels: readonly number[],
): { temperature: number; loss: number } {
  const loss = (t: number) => negativeLogLikelihood(scores, labels, t, 1 / (labels.length + 2));
  const temperature = leastOf(loss, 1e-3, 1e3);
  return { temperature, loss: loss(temperature) };
}

/**
 * The same, by few samples: the most likely temperature where its logarithm is normally distributed about a presumed one's.
 * With no samples it is the presumed one.
 */
export function likelyTemperature(scores: Rows, labels: readonly number[], presumed: number): number {
  const loss = (t: number) =>
    labels.length * negativeLogLikelihood(scores, labels, t, 0) +
    Math.log(t / presumed) ** 2 / (2 * SPREAD ** 2);
  return leastOf(loss, presumed / 1e3, presumed * 1e3);
}

/** @param doubt share of each target that is spread over all classes */
function negativeLogLikelihood(
  scores: Rows,
  labels: readonly number[],
  temperature: number,
  doubt: number,
): number {
  const { count, width } = scores;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const row = scores.data.subarray(i * width, (i + 1) * width);
    const peak = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let sum = 0;
    let mean = 0;
    for (const v of row) {
      sum += Math.exp((v - peak) / temperature);
      mean += Number.isFinite(v) ? (v - peak) / temperature / width : 0;
    }
    const target = Number.isFinite(row[labels[i]!]!) ? (row[labels[i]!]! - peak) / temperature : -50;
    total += Math.log(sum) - (1 - doubt) * target - doubt * mean;
  }
  return total / Math.max(1, count);
}

/** Where a function of a positive number is least, by golden-section search over the number's logarithm. */
function leastOf(f: (t: number) => number, from: number, to: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [lo, hi] = [Math.log(from), Math.log(to)];
  for (let k = 0; k < 40; k++) {
    const a = hi - ratio * (hi - lo);
    const b = lo + ratio * (hi - lo);
    if (f(Math.exp(a)) < f(Math.exp(b))) hi = b;
    else lo = a;
  }
  return Math.exp((lo + hi) / 2);
}
