import type { Head } from '../learn/adapter.js';
import { logits } from '../learn/head.js';
import type { Rows } from '../learn/network.js';
import type { FrozenFeatures } from './frozen-features.js';

/** A task's instant answer: a discriminant's head on the frozen features, which are at hand for other questions, too. */
export class InstantAnswer {
  private readonly features: FrozenFeatures;
  private readonly head: Head;

  constructor(features: FrozenFeatures, head: Head) {
    this.features = features;
    this.head = head;
  }

  /** Class probabilities of every latent, [count, classes]. */
  async probabilities(latents: readonly Uint8Array[]): Promise<Rows> {
    const summaries = await this.features.of(latents);
    const width = this.head.features;
    const data = new Float32Array(latents.length * width);
    summaries.forEach((summary, i) => {
      data.set(summary, i * width);
    });
    const rows = logits(this.head, { data, count: latents.length, width });
    for (let i = 0; i < rows.count; i++) softmax(rows.data.subarray(i * rows.width, (i + 1) * rows.width));
    return rows;
  }

  /** Nothing is held but what others hold. */
  async close(): Promise<void> {}
}

/** Logits become probabilities, in place. */
function softmax(row: Float32Array): void {
  const peak = Math.max(...row);
  let sum = 0;
  for (let c = 0; c < row.length; c++) {
    row[c] = Math.exp(row[c]! - peak);
    sum += row[c]!;
  }
  for (let c = 0; c < row.length; c++) row[c]! /= sum;
}
