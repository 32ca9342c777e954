import { dot } from '../learn/streaming/linear.js';

/** The label should be likelier than any other by so many nats: by a factor of 2.7. */
const MARGIN = 1;
/** Times that all samples are gone through at most; few are needed. */
const PASSES = 20;
/** Probabilities below this count as this. */
const LEAST = 1e-9;

/** A probability of each label. */
export type Probabilities = ReadonlyMap<string, number>;

/** A labelled sample, and what is answered for it without corrections. */
export interface Labelled {
  label: string;
  /** Where it lies, of unit length or zero: see `WhitenedClasses.direction`. */
  direction: Float32Array;
  given: Probabilities;
}

/** What a sample adds to the logits of some labels where a new one is like it. */
interface Pull {
  direction: Float32Array;
  by: Map<string, number>;
}

/**
 * What some labelled samples change about answers that were made without them: each sample's own answer becomes its label, and
 * answers for samples like it move towards it. Kernel passive-aggressive learning (Crammer, Dekel, Keshet, Shalev-Shwartz &
 * Singer 2006, sections 3, 8 and 9, without slack): for each sample in turn the smallest change of the logits by which its label
 * leads by a margin, none where it leads already. The kernel is the squared cosine between whitened features seen from the
 * middle of the classes, 0 where it is negative: large for the same picture and small for all others, so that one label
 * cannot turn what is answered for unlike ones.
 *
 * Moving the class means of a discriminant under the covariance from before, as an instant answer does for a moment, would
 * not do here: it leaves some labelled samples wrong, and many of them together make other answers far worse (docs/recognition.md).
 */
export class Corrections {
  private readonly pulls: readonly Pull[];

  /** @param samples in the order in which they were labelled */
  constructor(samples: readonly Labelled[]) {
    const alike = samples.map((a, i) => samples.slice(0, i + 1).map((b) => kernel(a.direction, b.direction)));
    const likeness = (i: number, j: number) => (i > j ? alike[i]![j]! : alike[j]![i]!);
    const pulls: Pull[] = samples.map(({ direction }) => ({ direction, by: new Map() }));
    const logits = samples.map(({ given, label }) => {
      const own = new Map([...given].map(([l, p]) => [l, log(p)]));
      if (!own.has(label)) own.set(label, log(0));
      return own;
    });
    const learn = (i: number): boolean => {
      const { label } = samples[i]!;
      const own = logits[i]!;
      let rival: string | undefined;
      for (const [other, value] of own) {
        if (other !== label && (rival === undefined || value > own.get(rival)!)) rival = other;
      }
      if (rival === undefined) return false;
      const lacks = own.get(rival)! + MARGIN - own.get(label)!;
      if (lacks < 1e-6) return false;
      // A sample is like itself by 1, and both labels move.
      const step = lacks / 2;
      for (const [which, by] of [
        [label, step],
        [rival, -step],
      ] as const) {
        const pull = pulls[i]!.by;
        pull.set(which, (pull.get(which) ?? 0) + by);
        logits.forEach((row, j) => {
          row.set(which, (row.get(which) ?? log(0)) + by * likeness(i, j));
        });
      }
      return true;
    };
    for (let pass = 0; pass < PASSES; pass++) {
      const moved = samples.filter((_, i) => learn(i)).length;
      if (moved === 0) break;
    }
    this.pulls = pulls.filter((p) => p.by.size > 0);
  }

  /** Whether they change nothing. */
  get empty(): boolean {
    return this.pulls.length === 0;
  }

  /**
   * The probabilities with the corrections in them.
   * @param direction where the sample lies, as of the labelled ones
   */
  correct(direction: Float32Array, given: Probabilities): Map<string, number> {
    const logits = new Map([...given].map(([label, p]) => [label, log(p)]));
    for (const pull of this.pulls) {
      const alike = kernel(direction, pull.direction);
      if (alike === 0) continue;
      for (const [label, by] of pull.by) logits.set(label, (logits.get(label) ?? log(0)) + by * alike);
    }
    const peak = Math.max(...logits.values());
    const weights = [...logits].map(([label, value]) => [label, Math.exp(value - peak)] as const);
    const total = weights.reduce((sum, [, w]) => sum + w, 0);
    return new Map(weights.map(([label, w]) => [label, w / total]));
  }
}

const log = (p: number): number => Math.log(Math.max(p, LEAST));

/** Squared cosine, 0 where the cosine is negative; of two samples that lie in the middle, 1. */
function kernel(a: Float32Array, b: Float32Array): number {
  const cosine = dot(a, 0, b, 0, a.length);
  if (cosine === 0) return a.every((v) => v === 0) && b.every((v) => v === 0) ? 1 : 0;
  return cosine > 0 ? Math.min(1, cosine) ** 2 : 0;
}
