import type { Settle } from '../../autodiff/optimizer.js';
import { add, scale, sub } from '../../autodiff/rule.js';
import type { FloatTensor } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { int, sizeOf } from '../../onnx/model.js';
import { Random } from '../../random.js';
import type { SequenceRegularization, SharedState } from '../sequence/shared-state.js';
import type { Crown, Parameter } from '../strategy.js';
import { type FisherKind, fisherDiagonal } from './fisher.js';

export interface EwcOptions {
  /** Strength of the penalty, with the half before it: lambda / 2 * sum F (theta - theta*)^2. */
  lambda: number;
  /** Labels for the Fisher information: drawn from the network's softmax, or the samples' own. */
  fisher: FisherKind;
  /** Samples of a task that the Fisher information is measured on, drawn at random; all where it is not given. */
  samples?: number;
  /**
   * Given: online EWC, which has one penalty around the last task's parameters and multiplies what earlier tasks found
   * important by gamma at each new task. Not given: a penalty for every task.
   */
  gamma?: number;
  /**
   * Whether the penalty's part of a step is taken implicitly, behind the optimizer's: theta <- (theta + c B) / (1 + c) with
   * c = rate * lambda * A, the proximal step of the parabola. It is the explicit step to first order in the rate, and
   * stable for any lambda, where the explicit one diverges beyond c = 2. For plain gradient descent, whose rate stays 1.
   */
  implicit: boolean;
}

export const EWC_DEFAULTS: EwcOptions = { lambda: 10, fisher: 'true', implicit: false };

/** What is kept of a parameter. */
interface Kept {
  dims: readonly number[];
  /** The square root of the sum of the tasks' Fisher diagonals: with it a step has a third of the work less. */
  root: Float32Array;
  /** Where the penalties together are lowest. */
  anchor: Float32Array;
  learningRate: number;
  /** Where the penalty's part of a step is implicit: theta <- keep * theta + pull. */
  implicit?: { keep: Float32Array; pull: Float32Array };
}

/** Seeds of the draws for the Fisher information, apart from those of the training. */
const SEED = 104_729;

const rootOf = (parameter: string) => `ewc:${parameter}.root`;
const anchorOf = (parameter: string) => `ewc:${parameter}.anchor`;
const keepOf = (parameter: string) => `ewc:${parameter}.keep`;
const pullOf = (parameter: string) => `ewc:${parameter}.pull`;

const penaltyInputs = (
  parameter: string,
  dims: readonly number[],
  root: Float32Array,
  anchor: Float32Array,
): [string, FloatTensor][] => [
  [rootOf(parameter), { dims, data: root }],
  [anchorOf(parameter), { dims, data: anchor }],
];

/**
 * Elastic weight consolidation: the loss of a task has beside it lambda / 2 * sum_k sum_i F_ki (theta_i - theta_ki)^2,
 * where theta_k is what task k ended with and F_k the diagonal of its Fisher information (Kirkpatrick et al. 2017,
 * 'Overcoming catastrophic forgetting in neural networks', equation 3). A sum of parabolas is a parabola: with
 * A = sum_k F_k and B = sum_k F_k theta_k / A the penalties are A (theta - B)^2 and a constant, so that a step costs the
 * same and the state is of the same size after any number of tasks.
 *
 * With gamma it is the online form: A <- gamma A + F, B <- theta (Schwarz et al. 2018, 'Progress & Compress', section
 * 4.1, around the last task's parameters as Huszar 2018 has it).
 */
export class Ewc implements SequenceRegularization {
  readonly name = 'ewc';
  private readonly options: EwcOptions;
  private readonly kept = new Map<string, Kept>();
  private consolidated = 0;

  /** @throws LichenError `method-setting` for a value out of its range */
  constructor(options: Partial<EwcOptions> = {}) {
    this.options = { ...EWC_DEFAULTS, ...options };
    checkOptions(this.options);
  }

  penalty(b: GraphBuilder, parameters: readonly Parameter[]): string | null {
    for (const { name, dims, initial, learningRate } of parameters) {
      // Asked again for another graph of the same network, as GEM does for every task.
      if (this.kept.has(name)) continue;
      const root = new Float32Array(sizeOf(dims));
      const implicit = this.options.implicit && {
        implicit: { keep: new Float32Array(root.length).fill(1), pull: new Float32Array(root.length) },
      };
      this.kept.set(name, { dims, root, anchor: initial.slice(), learningRate, ...implicit });
    }
    if (this.options.implicit) return null;
    const terms = parameters.map(({ name, dims }) => {
      const drift = sub(b, name, b.input(anchorOf(name), dims));
      const weighted = b.op('Mul', [drift, b.input(rootOf(name), dims)]);
      return b.op('ReduceSumSquare', [weighted], { keepdims: int(0) });
    });
    return scale(
      b,
      terms.reduce((p, q) => add(b, p, q)),
      this.options.lambda / 2,
    );
  }

  settle(b: GraphBuilder, _crown: Crown, next: Parameters<Settle>[0]): ReturnType<Settle> {
    if (!this.options.implicit) return next;
    return new Map(
      [...next].map(([name, value]) => {
        const { dims } = this.kept.get(name)!;
        const kept = b.op('Mul', [value, b.input(keepOf(name), dims)]);
        return [name, add(b, kept, b.input(pullOf(name), dims))];
      }),
    );
  }

  inputs(): Record<string, FloatTensor> {
    return Object.fromEntries(
      [...this.kept].flatMap(([name, { dims, root, anchor, implicit }]) =>
        implicit
          ? ([
              [keepOf(name), { dims, data: implicit.keep }],
              [pullOf(name), { dims, data: implicit.pull }],
            ] as [string, FloatTensor][])
          : penaltyInputs(name, dims, root, anchor),
      ),
    );
  }

  keeps(): Record<string, FloatTensor> {
    return Object.fromEntries(
      [...this.kept].flatMap(([name, { dims, root, anchor }]) => penaltyInputs(name, dims, root, anchor)),
    );
  }

  restored(): void {
    this.consolidated++;
    this.prepareImplicit();
  }

  async afterTask(state: SharedState): Promise<void> {
    const { train, classes } = state.tasks.at(-1)!;
    const { fisher, samples = train.count } = this.options;
    const random = new Random(state.options.seed + SEED + state.tasks.length);
    const all = Array.from({ length: train.count }, (_, i) => i);
    const indices = samples < train.count ? random.shuffle(all).slice(0, samples) : all;
    const open = state.options.taskKnown ? classes : undefined;
    const diagonal = await fisherDiagonal(state, fisher, { samples: train, indices, open }, random);
    this.consolidate(diagonal, state.values());
  }

  /** Takes a task's Fisher diagonal and what the task ended with into the penalty. */
  consolidate(diagonal: ReadonlyMap<string, Float32Array>, values: ReadonlyMap<string, Float32Array>): void {
    const { gamma } = this.options;
    this.consolidated++;
    for (const [name, { root, anchor }] of this.kept) {
      const fisher = diagonal.get(name)!;
      const value = values.get(name)!;
      for (let i = 0; i < root.length; i++) {
        const before = root[i]! ** 2 * (gamma ?? 1);
        const total = before + fisher[i]!;
        root[i] = Math.sqrt(total);
        // Where nothing is important yet, the penalty is 0 around any point.
        const together = total > 0 ? (before * anchor[i]! + fisher[i]! * value[i]!) / total : value[i]!;
        anchor[i] = gamma === undefined ? together : value[i]!;
      }
    }
    this.prepareImplicit();
  }

  /** What an implicit step needs of the penalty. */
  private prepareImplicit(): void {
    for (const { root, anchor, learningRate, implicit } of this.kept.values()) {
      if (!implicit) continue;
      for (let i = 0; i < root.length; i++) {
        const c = learningRate * this.options.lambda * root[i]! ** 2;
        implicit.keep[i] = 1 / (1 + c);
        implicit.pull[i] = (c * anchor[i]!) / (1 + c);
      }
    }
  }

  stateBytes(): number {
    const values = [...this.kept.values()].reduce((total, { root }) => total + root.length, 0);
    return this.consolidated > 0 ? 2 * 4 * values : 0;
  }
}

function checkOptions({ lambda, fisher, samples, gamma }: EwcOptions): void {
  const refuse = (setting: string, value: unknown, expected: string) => {
    throw new LichenError('method-setting', `EWC's ${setting} is ${value}; expected ${expected}`);
  };
  if (!(lambda >= 0 && Number.isFinite(lambda))) refuse('lambda', lambda, 'a number from 0');
  if (fisher !== 'true' && fisher !== 'empirical') refuse('fisher', fisher, "'true' or 'empirical'");
  if (samples !== undefined && !(Number.isInteger(samples) && samples > 0))
    refuse('samples', samples, 'a whole number from 1, or none for all samples');
  if (gamma !== undefined && !(gamma >= 0 && gamma <= 1))
    refuse('gamma', gamma, 'a number from 0 to 1, or none for a penalty for every task');
}
