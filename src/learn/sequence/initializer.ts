import type { Random } from '../../random.js';

/**
 * Draws what one weight or bias of a layer starts from.
 * @param fanIn inputs of each of the layer's units
 */
export type Initializer = (random: Random, fanIn: number) => number;

/** Uniform in +-1 / sqrt(fan-in), as PyTorch's layers begin. */
export const fanInUniform: Initializer = (random, fanIn) => (2 * random.next() - 1) / Math.sqrt(fanIn);

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
