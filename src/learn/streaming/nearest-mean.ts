import type { Rows } from '../network.js';
import type { ClassifierLayer, StreamingClassifier } from './streaming-classifier.js';

/**
 * The nearest class mean (Mensink et al. 2013, with the Euclidean metric): a running mean of each class. The squared
 * distance |x - m|^2 ranks classes as the linear score x'm - |m|^2 / 2 does.
 */
export class NearestMean implements StreamingClassifier {
  private readonly means = new Map<number, Float64Array>();
  private readonly counts = new Map<number, number>();

  async add(rows: Rows, labels: ArrayLike<number>): Promise<void> {
    const { data, count, width } = rows;
    for (let i = 0; i < count; i++) {
      const label = labels[i]!;
      const mean = this.means.get(label) ?? new Float64Array(width);
      const seen = (this.counts.get(label) ?? 0) + 1;
      this.means.set(label, mean);
      this.counts.set(label, seen);
      for (let k = 0; k < width; k++) mean[k]! += (data[i * width + k]! - mean[k]!) / seen;
    }
  }

  async layer(): Promise<ClassifierLayer> {
    const classes = [...this.means.keys()];
    const means = [...this.means.values()];
    const width = means[0]?.length ?? 0;
    const weight = new Float32Array(classes.length * width);
    means.forEach((m, c) => {
      weight.set(m, c * width);
    });
    const bias = Float32Array.from(means, (m) => -m.reduce((sum, v) => sum + v * v, 0) / 2);
    return { classes, weight, bias };
  }

  get stateBytes(): number {
    return 0;
  }
}
