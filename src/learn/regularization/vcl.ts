import { LichenError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { sizeOf } from '../../onnx/model.js';
import { joined, type Samples, subset } from '../samples.js';
import type { SequenceRegularization, SharedState } from '../sequence/shared-state.js';
import { trainCopy } from '../sequence/train-copy.js';
import type { Isolation, Parameter } from '../strategy.js';
import { type CoresetSelection, chooseCoreset } from './coreset.js';
import { KlToPrior, ofHead } from './kl-to-prior.js';
import { NoRegularization } from './none.js';
import { GaussianWeights } from './vcl-network.js';

export interface VclOptions {
  /** Samples of each task that are kept for the coreset, and not trained on. */
  coreset: number;
  selection: CoresetSelection;
  /** What every log-variance starts from. */
  logVariance: number;
  /** Epochs of ordinary training on the first task, whose weights are the first means; 0 for none. */
  pointEpochs: number;
  /** Epochs on the coreset before samples are recognized. */
  coresetEpochs: number;
  /** Draws of the network that a prediction is the mean of. */
  draws: number;
}

export const VCL_DEFAULTS: Omit<VclOptions, 'pointEpochs' | 'coresetEpochs'> = {
  coreset: 0,
  selection: 'random',
  logVariance: -6,
  draws: 10,
};

/**
 * Variational continual learning (Nguyen, Li, Bui & Turner 2018): a Gaussian over every weight, and what one task
 * leaves as posterior is the next one's prior. With a coreset, a few samples of each task are kept out of the posterior,
 * and a copy that is fitted to them answers (algorithm 1, step 5).
 */
export class Vcl implements SequenceRegularization {
  readonly name = 'vcl';
  readonly draws: number;
  private readonly options: VclOptions;
  private readonly divergence: KlToPrior;
  private readonly taskKnown: boolean;
  /** The isolation of the weights themselves. */
  private point: Isolation | undefined;
  private prior = new Map<string, Float32Array>();
  private readonly coresets: Samples[] = [];
  /** The fitted copies by their task; -1 where tasks are not told apart. */
  private readonly fitted = new Map<number, Map<string, Float32Array>>();

  /**
   * @param epochs of the sequence: how long its other trainings are, too, where the options do not say
   * @throws LichenError `vcl-options` for options out of range
   */
  constructor(options: Partial<VclOptions>, { epochs, taskKnown }: { epochs: number; taskKnown: boolean }) {
    this.options = { ...VCL_DEFAULTS, pointEpochs: epochs, coresetEpochs: epochs, ...options };
    const { coreset, draws, pointEpochs, coresetEpochs, logVariance } = this.options;
    const whole = (n: number, least: number) => Number.isInteger(n) && n >= least;
    if (
      !(whole(coreset, 0) && whole(draws, 1) && whole(pointEpochs, 0) && whole(coresetEpochs, 1)) ||
      !Number.isFinite(logVariance)
    ) {
      throw new LichenError(
        'vcl-options',
        `VCL cannot work with ${JSON.stringify(this.options)}: coreset and pointEpochs are whole numbers from 0, draws and coresetEpochs from 1, logVariance is finite`,
      );
    }
    this.draws = draws;
    this.taskKnown = taskKnown;
    this.divergence = new KlToPrior(taskKnown);
  }

  /** Samples in the coresets. */
  get count(): number {
    return this.coresets.reduce((sum, c) => sum + c.count, 0);
  }

  over(isolation: Isolation): Isolation {
    this.point = isolation;
    return new GaussianWeights(isolation, this.options.logVariance);
  }

  penalty(b: GraphBuilder, parameters: readonly Parameter[]): string | null {
    this.prior = new Map(parameters.map(({ name, dims }) => [name, new Float32Array(sizeOf(dims))]));
    return this.divergence.penalty(b, parameters);
  }

  inputs() {
    return this.divergence.inputs();
  }

  async beforeTask(state: SharedState): Promise<Samples> {
    const { coreset, selection } = this.options;
    this.fitted.clear();
    let { train } = state.tasks.at(-1)!;
    if (coreset > 0) {
      if (train.count <= coreset) {
        throw new LichenError(
          'vcl-coreset',
          `task '${state.tasks.at(-1)!.name}' has ${train.count} samples, and a coreset of ${coreset} would leave none to train on; make it smaller`,
        );
      }
      const { chosen, others } = chooseCoreset(train, coreset, selection, state.random);
      this.coresets.push(subset(train, chosen));
      train = subset(train, others);
    }
    if (state.tasks.length === 1 && this.options.pointEpochs > 0) await this.startFromPoint(state, train);
    this.divergence.setPrior(this.prior, train.count, seenClasses(state));
    return train;
  }

  afterTask(state: SharedState): void {
    this.prior = posteriorOf(state);
  }

  /** What the last task left is the next one's prior. */
  restored(state: SharedState): void {
    this.prior = posteriorOf(state);
  }

  async valuesFor(state: SharedState, task?: number): Promise<Map<string, Float32Array>> {
    const key = this.taskKnown && task !== undefined ? task : -1;
    const samples = key < 0 ? joined(this.coresets) : this.coresets[key];
    if (!samples || samples.count === 0) return state.values();
    const known = this.fitted.get(key);
    if (known) return known;
    const divergence = new KlToPrior(this.taskKnown);
    const values = await trainCopy(state, {
      isolation: state.isolation,
      regularization: divergence,
      values: state.values(),
      samples,
      open: key < 0 ? undefined : state.tasks[key]!.classes,
      epochs: this.options.coresetEpochs,
      begin: () => divergence.setPrior(posteriorOf(state), samples.count, seenClasses(state)),
    });
    this.fitted.set(key, values);
    return values;
  }

  /** The prior. */
  stateBytes(): number {
    return [...this.prior.values()].reduce((sum, v) => sum + 4 * v.length, 0);
  }

  /** The maximum-likelihood weights of the first task become the means (section 6 of the paper). */
  private async startFromPoint(state: SharedState, samples: Samples): Promise<void> {
    const values = state.values();
    const found = await trainCopy(state, {
      ...{ isolation: this.point!, regularization: new NoRegularization(), values, samples },
      open: this.taskKnown ? state.tasks[0]!.classes : undefined,
      epochs: this.options.pointEpochs,
    });
    for (const [name, value] of found) values.get(name)!.set(value);
  }
}

function seenClasses({ tasks }: SharedState): Set<number> {
  return new Set(tasks.flatMap((t) => t.classes));
}

/**
 * A copy of the posterior. Rows of the head for classes that no task had yet are still the standard normal prior, not
 * the narrow distribution that their training will start from.
 */
function posteriorOf(state: SharedState): Map<string, Float32Array> {
  const copy = new Map([...state.values()].map(([name, value]) => [name, value.slice()]));
  if (!state.options.taskKnown) return copy;
  const seen = seenClasses(state);
  for (const { name, dims } of state.parameters.filter((p) => ofHead(p.name))) {
    const width = sizeOf(dims.slice(1));
    for (let row = 0; row < dims[0]!; row++) {
      if (!seen.has(row)) copy.get(name)!.fill(0, row * width, (row + 1) * width);
    }
  }
  return copy;
}
