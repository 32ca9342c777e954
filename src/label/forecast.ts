import type { StudyView } from './api.js';

/** So many more labels are asked about. */
const MORE = 20;
/** Fewer samples tell too little. */
const FEWEST = 40;
/** Labels that bring less than this are not worth the trouble. */
const WORTH = 0.01;

/**
 * What more labels would bring: the error falls as a power of the number of labels (Cortes et al. 1994; Hestness et al.
 * 2017), fitted by least squares on logarithms.
 * @param samples that there are in all; the last point of the curve has learned from fewer
 * @returns null where there is too little to tell
 */
export function forecastOf(curve: StudyView['curve'], samples: number): StudyView['forecast'] {
  if (curve.length < 3 || samples < FEWEST) return null;
  // An error of none of so few samples is still half a sample's.
  const least = 0.5 / samples;
  const x = curve.map((p) => Math.log(p.labels));
  const y = curve.map((p) => Math.log(Math.max(least, 1 - p.accuracy)));
  const [mx, my] = [mean(x), mean(y)];
  const slope =
    x.reduce((sum, v, i) => sum + (v - mx) * (y[i]! - my), 0) / x.reduce((sum, v) => sum + (v - mx) ** 2, 0);
  // More labels do no harm.
  const fall = Math.min(0, slope);
  const { labels, accuracy } = curve.at(-1)!;
  const at = (count: number) => 1 - (1 - accuracy) * (count / labels) ** fall;
  const now = at(samples);
  const then = at(samples + MORE);
  return { moreLabels: MORE, accuracy: then, now, enough: then - now < WORTH };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
