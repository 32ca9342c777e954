import { adamRate } from '../../autodiff/optimizer.js';
import type { Samples } from '../samples.js';
import { Steps } from '../steps.js';
import type { Isolation, Regularization } from '../strategy.js';
import { type BatchShape, blankBatch, bytesOf, drawNoise, fillBatch, ratesOf } from './batches.js';
import { runEpochs } from './epochs.js';
import type { SharedState } from './shared-state.js';
import { sharedStep } from './shared-step.js';

/** A training beside the sequence's own. */
export interface CopyTraining {
  isolation: Isolation;
  regularization: Regularization;
  /** Where parameters start; from the isolation's initial values those that are not given. */
  values: ReadonlyMap<string, Float32Array>;
  samples: Samples;
  /** Classes that come into question, where tasks are known. */
  open?: readonly number[] | undefined;
  epochs: number;
  /** Called before the first step, when the regularization has seen the network's parameters. */
  begin?: () => void;
}

/**
 * Trains a copy of a shared network, which stays as it is.
 * @returns the copy's parameters
 * @throws LichenError `learn-no-samples`, `learn-diverged`
 */
export async function trainCopy(
  { engine, crown, options, random }: SharedState,
  { isolation, regularization, values, samples, open, epochs, begin }: CopyTraining,
): Promise<Map<string, Float32Array>> {
  const { classes, taskKnown: masked, optimizer, threads } = options;
  const rows = Math.min(options.batch, samples.count);
  const shape: BatchShape = { of: 'batch', rows, shape: crown.latentShape, classes, masked };
  const graph = sharedStep(
    isolation,
    regularization,
    undefined,
    crown,
    { batch: rows, reference: 0, classes, masked, optimizer },
    random,
  );
  begin?.();
  const parameters = graph.parameters.map((p) => ({ ...p, initial: values.get(p.name) ?? p.initial }));
  const steps = await Steps.compile(engine, { ...graph, parameters }, { threads });
  let step = 0;
  try {
    await runEpochs(
      steps,
      {
        ...{ count: samples.count, epochs, batch: rows },
        ...{ stepBytes: bytesOf(shape), stepsAtOnce: options.stepsAtOnce },
      },
      {
        feed: (batches) => {
          const tensors = {
            ...blankBatch(shape, batches.length),
            ...drawNoise(graph.noise, batches.length, random),
          };
          batches.forEach((indices, at) => {
            const chosen = indices.map((index) => ({ samples, index, label: samples.labels[index]!, open }));
            fillBatch(tensors, shape, at, chosen);
          });
          const rates = batches.map(() => (optimizer === 'adam' ? adamRate(++step, 1) : 1));
          return { ...tensors, ...ratesOf(rates) };
        },
        constants: () => regularization.inputs?.() ?? {},
      },
      random,
    );
    return steps.values();
  } finally {
    await steps.close();
  }
}
