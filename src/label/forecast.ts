import type { StudyView } from './api.js';

/** So many more labels are asked about. */
const MORE = 20;
/** Fewer held-out samples tell too little. */
const FEWEST_HELD_OUT = 10;
/** Labels that bring less than this are not worth the trouble. */
const WORTH = 0.01;

/**
 * What more labels would bring: the error falls as a power of the number of labels (Cortes et al. 1994; Hestness et al.
 * 2017), fitted by least squares on logarithms.
 * @returns null where there is too little to tell
 */
export function forecastOf(curve: StudyView['curve'], heldOut: number): StudyView['forecast'] {
  if (curve.length < 3 || heldOut < FEWEST_HELD_OUT) return null;
  // An error of none of so few samples is still half a sample's, by the sample's size.
  const least = 0.5 / heldOut;
  const x = curve.map((p) => Math.log(p.labels));
  const y = curve.map((p) => Math.log(Math.max(least, 1 - p.accuracy)));
  const [mx, my] = [mean(x), mean(y)];
  const slope =
    x.reduce((sum, v, i) => sum + (v - mx) * (y[i]! - my), 0) / x.reduce((sum, v) => sum + (v - mx) ** 2, 0);
  // More labels do no harm.
  const fall = Math.min(0, slope);
  const { labels, accuracy: now } = curve.at(-1)!;
  const accuracy = 1 - (1 - now) * ((labels + MORE) / labels) ** fall;
  return { moreLabels: MORE, accuracy, now, enough: accuracy - now < WORTH };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
