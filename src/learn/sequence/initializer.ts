import type { Random } from '../../random.js';

/** A layer whose weights or biases are drawn. */
export interface Layer {
  /** Inputs of each of its units. */
  fanIn: number;
  /** Its units; for a convolution times the positions of its kernel. */
  fanOut: number;
  /** Which of the two is drawn. */
  of: 'weight' | 'bias';
}

/** Draws what one weight or bias of a layer starts from. */
export type Initializer = (random: Random, layer: Layer) => number;

/** Uniform in +-1 / sqrt(fan-in), as PyTorch's layers begin. */
export const fanInUniform: Initializer = (random, { fanIn }) => (2 * random.next() - 1) / Math.sqrt(fanIn);

/**
 * Weights uniform in +-sqrt(6 / (fan-in + fan-out)), biases 0 (Glorot & Bengio 2010, 'Understanding the difficulty of
 * training deep feedforward neural networks', equation 16).
 */
export const glorotUniform: Initializer = (random, { fanIn, fanOut, of }) =>
  of === 'bias' ? 0 : (2 * random.next() - 1) * Math.sqrt(6 / (fanIn + fanOut));

/** A truncated normal distribution is cut off at so many deviations. */
const CUT = 2;

/**
 * Normal around 0, drawn again beyond two deviations: TensorFlow's `truncated_normal`. What is drawn has 0.88 of the
 * deviation that is given.
 */
export const truncatedNormal =
  (deviation: number): Initializer =>
  (random) => {
    let drawn = random.normal();
    while (Math.abs(drawn) > CUT) drawn = random.normal();
    return drawn * deviation;
  };
