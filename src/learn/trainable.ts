import { LichenError } from '../errors.js';
import { Random } from '../random.js';
import type { DeviceMethod } from './device-method.js';
import { Cpg } from './isolation/cpg.js';
import { FineTuning } from './isolation/fine-tuning.js';
import { Piggyback } from './isolation/piggyback.js';
import { Pnn } from './isolation/pnn.js';
import { tailOf } from './isolation/tail.js';
import { LEARNER_DEFAULTS } from './learner-options.js';
import { NoRegularization } from './regularization/none.js';
import { VCL_DEFAULTS } from './regularization/vcl.js';
import { GaussianWeights } from './regularization/vcl-network.js';
import type { Crown, Isolation } from './strategy.js';
import { trainingGraph } from './training-graph.js';

/** Samples of the step that is built to see whether one can be; of two, since a shape fixed for one would pass with one. */
const ROWS = 2;
/** Classes of its head; their number does not matter. */
const CLASSES = 2;

/** Why no crown of this shape can be trained: what a mask, a column or any method would be put on is not there. */
export const NOTHING_TO_TRAIN =
  'none of its layers has weights that could be trained: Conv, Gemm or MatMul with a constant weight, not depthwise';

/** One network that a method trains. */
interface Trained {
  crown: Crown;
  isolation: Isolation;
}

/**
 * Why a crown cannot be trained by a method; null where it can. Builds the graph of one step, with its gradients, and
 * runs nothing: it takes a moment, and no sample.
 */
export function trainingObstacle(crown: Crown, method: DeviceMethod): string | null {
  try {
    for (const { crown: own, isolation } of networksOf(crown, method)) {
      const strategies = { isolation, regularization: new NoRegularization() };
      const context = { crown: own, earlier: [] };
      const { parameters } = trainingGraph(
        strategies,
        context,
        ROWS,
        CLASSES,
        LEARNER_DEFAULTS,
        new Random(0),
      );
      // The head's weight and bias are always there.
      if (parameters.length <= 2) return NOTHING_TO_TRAIN;
    }
    return null;
  } catch (error) {
    if (error instanceof LichenError || error instanceof RangeError) return error.message;
    throw error;
  }
}

/** What a method trains a network of: all that it may come to need. */
function networksOf(crown: Crown, { isolation, regularization }: DeviceMethod): Trained[] {
  const [mask, column] = [new Piggyback(), new Pnn()];
  const weights = new FineTuning(LEARNER_DEFAULTS.headRate);
  switch (isolation) {
    case 'piggyback':
      return [{ crown, isolation: mask }];
    case 'pnn':
      return [{ crown, isolation: column }];
    case 'auto':
      return [mask, column].map((isolation) => ({ crown, isolation }));
    case 'cpg':
      return [{ crown, isolation: new Cpg({ pretrained: true }) }];
    case 'den':
      return [{ crown: tailOf(crown), isolation: weights }];
    case 'shared':
      if (regularization === 'ags-cl') return [{ crown: tailOf(crown), isolation: weights }];
      if (regularization !== 'vcl') return [{ crown, isolation: weights }];
      return [{ crown, isolation: new GaussianWeights(weights, VCL_DEFAULTS.logVariance) }];
  }
}
