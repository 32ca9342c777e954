import { logits } from '../head.js';
import { likelyTemperature } from '../temperature.js';
import type { StreamingDiscriminant } from './slda.js';

/**
 * Fits a discriminant's temperature to held-out samples, by the covariance that it answers by now; few samples move it little.
 * Samples of classes that it does not know say nothing.
 * @param summaries of held-out samples, each [width]
 * @throws LichenError `learn-no-samples` where it has fewer than two samples itself
 */
export async function calibrate(
  discriminant: StreamingDiscriminant,
  summaries: readonly Float32Array[],
  labels: readonly string[],
): Promise<void> {
  const head = await discriminant.head(false);
  const known = labels.flatMap((label, i) => (head.classes.includes(label) ? [i] : []));
  const data = new Float32Array(known.length * head.features);
  known.forEach((i, k) => {
    data.set(summaries[i]!, k * head.features);
  });
  const scores = logits(head, { data, count: known.length, width: head.features });
  const classes = known.map((i) => head.classes.indexOf(labels[i]!));
  // The scores are divided by the temperature already; seen from there the presumed one is the scale's reciprocal.
  discriminant.temperatureScale *= likelyTemperature(scores, classes, 1 / discriminant.temperatureScale);
}
