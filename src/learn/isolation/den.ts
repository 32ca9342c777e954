import { groupThreshold, inTurn, softThreshold } from '../../autodiff/proximal.js';
import { LichenError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { floats } from '../../onnx/model.js';
import type { AdapterTensors } from '../adapter.js';
import type { LearnedTask, PhasedIsolation, TaskLearning } from '../sequence/task-networks.js';
import type { TaskHead } from '../sequence/task-trainer.js';
import type { Crown, IsolationContext, TaskOutputs } from '../strategy.js';
import { blocksOf, networkOf, type StampedNetwork } from './den-blocks.js';
import { type LayerTraining, trainPhase } from './den-training.js';
import {
  drifts,
  grown,
  type Headed,
  headedPart,
  pulledWithin,
  selectedUnits,
  splitUnits,
  usefulUnits,
  writtenBack,
} from './den-units.js';
import { tailOf } from './tail.js';
import {
  addUnitLayers,
  emptyLayer,
  firstUnits,
  partOf,
  type UnitChoice,
  type UnitLayer,
  unitLayersOf,
  writePart,
} from './unit-layers.js';

export interface DenOptions {
  /** How much every step takes from the size of a weight that is to be sparse (l1, equations 2 and 3). */
  l1: number;
  /** Strength of the squared l2 norm of what is retrained (equation 4). */
  l2: number;
  /** How much every step takes from the length of a new unit's incoming weights (group lasso, equation 3). */
  groupLasso: number;
  /** Strength of the squared distance of shared weights from those before the task (equation 5). */
  drift: number;
  /** Units that an expansion adds to every layer. */
  expansion: number;
  /** The network is expanded when the mean cross-entropy after selective retraining is above this (tau). */
  lossThreshold: number;
  /** A unit is split when its incoming weights drifted further than this (sigma). */
  splitThreshold: number;
  /** Whether only the last chain of layers grows, where the network is none; else such a network is refused. */
  tail: boolean;
  /** Shares of a task's steps for the phases after the first task. */
  shares: { selection: number; retraining: number; expansion: number; splitting: number };
}

/** Figures of the authors' example on permuted MNIST; the shares are ours (docs/methods/den.md). */
export const DEN_DEFAULTS: DenOptions = {
  l1: 1e-5,
  l2: 1e-4,
  groupLasso: 1e-3,
  drift: 0.25,
  expansion: 10,
  lossThreshold: 0.01,
  splitThreshold: 0.05,
  tail: false,
  shares: { selection: 0.1, retraining: 0.2, expansion: 0.2, splitting: 0.5 },
};

/** What a task did to the network; lists have one entry a layer. */
export interface DenReport {
  /** Units that the task depended on, of those before it. */
  selected: number[];
  /** Units that the expansion left, and those of it that were removed for ending at zero. */
  added: number[];
  removed: number[];
  /** Units that were duplicated. */
  split: number[];
  /** Units of the network after the task. */
  units: number[];
  /** Mean cross-entropy of the last epoch of selective retraining; null for the first task. */
  loss: number | null;
}

/**
 * Dynamically expandable networks (Yoon et al. 2018): one network that grows with its tasks. A task retrains the units
 * that its outputs depend on; where they do not suffice it adds some; and units that would drift from what earlier
 * tasks need are duplicated. A task is answered by the units that existed when it was learned.
 */
export class Den implements PhasedIsolation {
  readonly name = 'den';
  private readonly options: DenOptions;

  /** @throws LichenError `den-options` */
  constructor(options: Partial<DenOptions> = {}) {
    this.options = { ...DEN_DEFAULTS, ...options };
    checkOptions(this.options);
  }

  /** The tasks' networks replace all of the crown. */
  sharedBytes(): number {
    return 0;
  }

  async learn(learning: TaskLearning): Promise<LearnedTask[]> {
    const { learned } = learning;
    const shapes = this.layersOf(learning.context.crown);
    if (learned.length === 0) return this.learnFirst(learning, shapes);
    const known = networkOf(
      shapes,
      learned.map((l) => l.tensors),
    );
    const { network, head, report } = await this.learnNext(learning, known);
    return kept(network, [...learned, { classes: learning.task.classes, head, report }]);
  }

  deploy(
    { crown, earlier }: IsolationContext,
    adapter: AdapterTensors,
    b: GraphBuilder,
    latent: string,
  ): TaskOutputs {
    const { layers } = networkOf(this.layersOf(crown), [...earlier, adapter]);
    const constant = (name: string, dims: readonly number[], data: Float32Array) =>
      b.constant(floats(data, dims), b.fresh(name));
    const features = addUnitLayers(
      b,
      crown,
      latent,
      layers,
      ({ key, units, inputs, taps, weight, bias }) => ({
        weight: constant(`${key}.weight`, [units, inputs * taps], weight),
        bias: constant(`${key}.bias`, [units], bias),
      }),
    );
    return { features, maps: [], vectors: [features] };
  }

  /**
   * A task's network by itself: one block with all units that the task sees.
   * @param blocks the task's and those of the tasks before it, oldest first
   */
  alone(crown: Crown, blocks: readonly AdapterTensors[]): AdapterTensors {
    const { layers } = networkOf(this.layersOf(crown), blocks);
    return blocksOf({ layers, stamps: [layers.map(({ units }) => units)] })[0]!;
  }

  private layersOf(crown: Crown): UnitLayer[] {
    return unitLayersOf(this.options.tail ? tailOf(crown) : crown);
  }

  /** The first task: all weights, made sparse (equation 2). */
  private async learnFirst(learning: TaskLearning, layers: UnitLayer[]): Promise<LearnedTask[]> {
    const proximal = softThreshold(this.options.l1);
    const { head, ...trained } = await trainPhase(learning, {
      layers,
      training: layers.map(() => ({ weight: { proximal }, bias: {} })),
      headProximal: proximal,
      mostSteps: stepsOf(learning),
    });
    const none = layers.map(() => 0);
    const units = layers.map((layer) => layer.units);
    const report: DenReport = { selected: none, added: none, removed: none, split: none, units, loss: null };
    return kept({ layers: trained.layers, stamps: [units] }, [
      { classes: learning.task.classes, head, report: { ...report } },
    ]);
  }

  private async learnNext(learning: TaskLearning, { layers, stamps }: StampedNetwork) {
    const { lossThreshold, splitThreshold } = this.options;
    const first = await this.selectionHead(learning, layers);
    const selected = selectedUnits({ layers, head: first });
    const before = partOf(layers, selected);
    const { loss, ...retrained } = await this.retrain(
      learning,
      headedPart({ layers, head: first }, selected),
    );
    const expansion = loss > lossThreshold ? await this.expand(learning, retrained) : undefined;
    const expanded = expansion?.part ?? retrained;
    const split = before.map((old, l) => {
      const found = drifts(old, expanded.layers[l]!);
      return firstUnits(old.units).filter((u) => found[u]! > splitThreshold);
    });
    const final = split.some((units) => units.length > 0)
      ? await this.retrainSplit(learning, before, expanded, split)
      : expanded;
    const written = writtenBack(layers, selected, final);
    const units = written.layers.map((layer) => layer.units);
    const none = layers.map(() => 0);
    const report: DenReport = {
      selected: selected.map((s) => s.length),
      added: expansion?.added ?? none,
      removed: expansion?.removed ?? none,
      split: split.map((s) => s.length),
      ...{ units, loss },
    };
    return {
      network: { layers: written.layers, stamps: [...stamps, units] },
      head: written.head,
      report: { ...report },
    };
  }

  /** A sparse head on the top layer as it is (equation 3 of section 3.1): what it reads is what the task depends on. */
  private async selectionHead(learning: TaskLearning, layers: UnitLayer[]): Promise<TaskHead> {
    const { l1, shares } = this.options;
    const headProximal = softThreshold(l1);
    const mostSteps = stepsOf(learning, shares.selection);
    return (await trainPhase(learning, { layers, headProximal, mostSteps })).head;
  }

  /** Selective retraining (equation 4), with shared weights held near those before (equation 5). */
  private retrain(learning: TaskLearning, { layers, head }: Headed) {
    const { l2, shares } = this.options;
    return trainPhase(learning, {
      ...{ layers, head, headPull: l2 },
      training: layers.map((layer) => this.pulled(layer, layer)),
      mostSteps: stepsOf(learning, shares.retraining),
    });
  }

  /** Dynamic expansion (algorithm 3): new units in every layer, trained alone; those that end at zero are removed. */
  private async expand(learning: TaskLearning, part: Headed) {
    const { l1, groupLasso, expansion, shares } = this.options;
    const old = part.layers.map(({ units }) => units);
    const wide = grown(
      part,
      old.map(() => expansion),
    );
    const training = wide.layers.map((layer, l): LayerTraining => {
      const isNew = (unit: number, input: number) => unit >= old[l]! || (l > 0 && input >= old[l - 1]!);
      const groups = perUnit(layer, (u) => (u >= old[l]! ? 1 : 0));
      const bound = 1 / Math.sqrt(layer.inputs * layer.taps);
      for (let u = old[l]!; u < layer.units; u++) {
        const row = layer.inputs * layer.taps;
        for (let i = 0; i < row; i++)
          layer.weight[u * row + i] = (2 * learning.trainer.random.next() - 1) * bound;
      }
      return {
        weight: {
          mask: perWeight(layer, (u, i) => (isNew(u, i) ? 1 : 0)),
          proximal: inTurn(softThreshold(l1), groupThreshold(groupLasso, groups)),
        },
        bias: { mask: groups },
      };
    });
    const mostSteps = stepsOf(learning, shares.expansion);
    const trained = await trainPhase(learning, {
      ...{ layers: wide.layers, head: wide.head, headProximal: softThreshold(l1) },
      ...{ training, mostSteps },
    });
    const useful = usefulUnits(trained, old);
    const added = useful.map((units, l) => units.length - old[l]!);
    return { part: headedPart(trained, useful), added, removed: added.map((a) => expansion - a) };
  }

  /** Split and duplication (algorithm 4): drifted units are duplicated, and the network is trained again (equation 5). */
  private async retrainSplit(learning: TaskLearning, before: UnitLayer[], part: Headed, split: UnitChoice) {
    const { l2, splitThreshold, shares } = this.options;
    const divided = splitUnits(before, part, split);
    const training = divided.layers.map((layer, l) => this.pulled(layer, before[l]!, new Set(split[l])));
    const trained = await trainPhase(learning, {
      ...{ layers: divided.layers, head: divided.head, headPull: l2, training },
      mostSteps: stepsOf(learning, shares.splitting),
    });
    trained.layers.forEach((layer, l) => {
      const duplicated = new Set(split[l]);
      const shared = firstUnits(before[l]!.units).filter((u) => !duplicated.has(u));
      pulledWithin(splitThreshold, before[l]!, layer, shared);
    });
    return { layers: trained.layers, head: trained.head };
  }

  /**
   * A layer's training with the terms l2 * w^2 for all weights, and drift * (w - w')^2 for those that were there before
   * the task. The sum of both is one square about a point between w' and 0, and a constant.
   * @param frozen units that are not trained
   */
  private pulled(
    layer: UnitLayer,
    before: UnitLayer,
    frozen: ReadonlySet<number> = new Set(),
  ): LayerTraining {
    const { l2, drift } = this.options;
    const strength = l2 + drift;
    const old = emptyLayer(layer, layer.units, layer.inputs);
    writePart([old], [firstUnits(before.units)], [before]);
    const anchor = strength > 0 ? old.weight.map((w) => (drift / strength) * w) : old.weight;
    const shared = (unit: number, input: number) => unit < before.units && input < before.inputs;
    const free = (unit: number) => (frozen.has(unit) ? 0 : 1);
    return {
      weight: {
        ...(frozen.size > 0 && { mask: perWeight(layer, free) }),
        pull: { strength: perWeight(layer, (u, i) => (shared(u, i) ? strength : l2)), anchor },
      },
      bias: {
        ...(frozen.size > 0 && { mask: perUnit(layer, free) }),
        pull: { strength: perUnit(layer, (u) => (u < before.units ? drift : 0)), anchor: old.bias },
      },
    };
  }
}

/** A value for every unit of a layer. */
const perUnit = ({ units }: UnitLayer, value: (unit: number) => number): Float32Array =>
  Float32Array.from({ length: units }, (_, u) => value(u));

/** A value for every weight of a layer, by its unit and input. */
function perWeight(
  { units, inputs, taps }: UnitLayer,
  value: (unit: number, input: number) => number,
): Float32Array {
  const values = new Float32Array(units * inputs * taps);
  for (let u = 0; u < units; u++) {
    for (let i = 0; i < inputs; i++) {
      const from = (u * inputs + i) * taps;
      values.fill(value(u, i), from, from + taps);
    }
  }
  return values;
}

/** Steps of a share of a task's epochs; at least one. */
function stepsOf({ trainer, task }: TaskLearning, share = 1): number {
  const { batch, epochs } = trainer.options;
  const { count } = task.train;
  return Math.max(1, Math.floor(share * epochs * Math.ceil(count / Math.min(batch, count))));
}

/** What is kept of every task, with the weights as they are now. */
function kept(network: StampedNetwork, tasks: readonly Omit<LearnedTask, 'tensors'>[]): LearnedTask[] {
  const blocks = blocksOf(network);
  return tasks.map((task, t) => ({ ...task, tensors: blocks[t]! }));
}

function checkOptions(options: DenOptions): void {
  const { shares, tail: _, ...numbers } = options;
  const fail = (what: string, value: number, expected: string): never => {
    throw new LichenError('den-options', `DEN's '${what}' is ${value}; expected ${expected}`);
  };
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value >= 0 && Number.isFinite(value))) fail(name, value, 'a finite number of at least 0');
  }
  if (!Number.isInteger(options.expansion) || options.expansion < 1) {
    fail('expansion', options.expansion, 'a whole number of at least 1');
  }
  const sum = Object.values(shares).reduce((all, share) => all + share, 0);
  for (const [name, share] of Object.entries(shares)) {
    if (!(share > 0 && sum <= 1 + 1e-9))
      fail(`shares.${name}`, share, 'shares above 0 that come to 1 at most');
  }
}
