import type { FloatTensor } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import type { Random } from '../../random.js';
import { shuffledBatches } from '../rehearsal/er.js';
import { LOSS } from '../training-graph.js';

type Tensors = Record<string, FloatTensor>;

/** What takes steps and holds what they train; see `Steps`. */
export interface Stepper {
  /** Takes as many steps as the tensors' first dimension says. Returns the steps' losses among others. */
  run(each: Tensors, constant?: Tensors): Promise<Tensors>;
  /** What is trained, by name: live arrays, which may be written to between runs. */
  values(): Map<string, Float32Array>;
  /** Forgets what the optimizer has kept of earlier steps. */
  resetOptimizer(): void;
  close(): Promise<void>;
}

export interface EpochsPlan {
  /** Samples, addressed by their index. */
  count: number;
  epochs: number;
  batch: number;
  /** What a step is handed, roughly. */
  stepBytes: number;
  /** Ends after so many steps, whatever the epochs. */
  mostSteps?: number;
  /** Steps of one run, at most. */
  stepsAtOnce?: number | undefined;
}

export interface EpochsHooks {
  /** Tensors of the steps for these batches of indices. */
  feed(batches: readonly (readonly number[])[], epoch: number): Promise<Tensors> | Tensors;
  /** Inputs that are the same in all steps until the next call. */
  constants?(): Tensors;
  onSteps?(progress: { epoch: number; epochs: number; step: number; steps: number; loss: number }): void;
  afterEpoch?(epoch: number): Promise<void> | void;
}

/** Steps of one run: enough that handing the state in and out costs little, few enough to report soon. */
const STEPS_A_RUN = 32;
/** What the samples of one run's steps may take. */
const BYTES_A_RUN = 64 * 2 ** 20;

/**
 * The loop over epochs that every method of a sequence uses: every sample once an epoch, in random order.
 * @returns mean loss of each epoch
 * @throws LichenError `learn-no-samples`, `learn-diverged`
 */
export async function runEpochs(
  stepper: Stepper,
  {
    count,
    epochs,
    batch,
    stepBytes,
    mostSteps = Number.POSITIVE_INFINITY,
    stepsAtOnce = STEPS_A_RUN,
  }: EpochsPlan,
  hooks: EpochsHooks,
  random: Random,
): Promise<number[]> {
  if (count === 0) throw new LichenError('learn-no-samples', 'a task has no sample to train on');
  const all = Array.from({ length: count }, (_, i) => i);
  const steps = Math.min(mostSteps, epochs * Math.ceil(count / batch));
  const each = Math.max(1, Math.min(stepsAtOnce, Math.floor(BYTES_A_RUN / stepBytes)));
  const losses: number[] = [];
  let step = 0;
  for (let epoch = 0; epoch < epochs && step < steps; epoch++) {
    const batches = shuffledBatches(all, batch, random).slice(0, steps - step);
    let sum = 0;
    for (let from = 0; from < batches.length; from += each) {
      const part = batches.slice(from, from + each);
      const results = await stepper.run(await hooks.feed(part, epoch), hooks.constants?.());
      for (const loss of results[LOSS]!.data) {
        step++;
        sum += loss;
        if (!Number.isFinite(loss)) {
          throw new LichenError(
            'learn-diverged',
            `the loss became ${loss} in step ${step}; lower the learning rate`,
          );
        }
      }
      const loss = sum / Math.min(from + each, batches.length);
      hooks.onSteps?.({ epoch: epoch + 1, epochs, step, steps, loss });
    }
    losses.push(sum / batches.length);
    await hooks.afterEpoch?.(epoch);
  }
  return losses;
}
