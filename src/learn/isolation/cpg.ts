import { LichenError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { floats } from '../../onnx/model.js';
import { Random } from '../../random.js';
import type { AdapterTensors } from '../adapter.js';
import type { LearnedTask, PhasedIsolation, TaskLearning } from '../sequence/task-networks.js';
import type { Crown, IsolationContext, LayerFigures, TaskOutputs, TrainableNetwork } from '../strategy.js';
import { type Draft, networkOf, startDraft, tensorsOf, withValues } from './cpg-draft.js';
import { learnInPhases, type PhaseOptions } from './cpg-phases.js';
import { ownership, partsOf, widthsOf } from './cpg-weights.js';
import { channelOf, crownBytes, crownOutputs, weightLayer, withWeight } from './layers.js';

export type CpgOptions = PhaseOptions;

/** Mask values as Piggyback's; the other figures are measured (docs/methods/cpg.md). */
export const CPG_DEFAULTS: CpgOptions = {
  pretrained: false,
  initial: 1e-2,
  threshold: 5e-3,
  maskRate: 3e-4,
  rate: 1e-3,
  channelRate: 1e-3,
  scales: false,
  goal: 'reached',
  margin: 0.005,
  heldOut: 0.1,
  release: 0.3,
  mostKept: 0.5,
  retrainEpochs: 1,
  finalEpochs: 1,
  growth: 0.25,
  mostWidth: 2,
};

/**
 * Compacting, picking and growing (Hung et al. 2019): one network in which every weight is owned by the task that
 * trained it. A task picks among the weights of earlier tasks with a learned mask, trains the free weights, releases
 * the small ones as long as its accuracy stays at its goal, and makes the network wider where it misses the goal.
 * Earlier weights are never changed: an earlier task's network stays what it was, bit by bit. Depthwise layers stay as
 * they are.
 */
export class Cpg implements PhasedIsolation {
  readonly name = 'cpg';
  readonly options: CpgOptions;

  /** @throws LichenError `method-settings` for a setting that makes no sense */
  constructor(options: Partial<CpgOptions> = {}) {
    this.options = { ...CPG_DEFAULTS, ...options };
    check(this.options);
  }

  learn(learning: TaskLearning): Promise<LearnedTask[]> {
    return learnInPhases(this, this.options, learning);
  }

  network(context: IsolationContext, batch: number, random: Random): TrainableNetwork {
    return networkOf(this.start(context, random), batch, this.options);
  }

  freeze(context: IsolationContext, values: ReadonlyMap<string, Float32Array>): AdapterTensors {
    // What the start drew does not matter: the values of all that is trained are given.
    return tensorsOf(withValues(this.start(context, new Random(0)), values), this.options);
  }

  /** All of a task's weights may be picked by a later one. */
  withoutFeatures(_context: IsolationContext, tensors: AdapterTensors): AdapterTensors {
    return tensors;
  }

  deploy(context: IsolationContext, adapter: AdapterTensors, b: GraphBuilder, latent: string): TaskOutputs {
    const { pretrained } = this.options;
    const widths = widthsOf(adapter);
    const { crown, layers } = ownership(
      { crown: context.crown, earlier: [...context.earlier, adapter] },
      pretrained,
      widths,
    );
    const names = inline(b, crown.graph, new Map([[crown.latent, latent]]), (node, inputs) => {
      const key = node.outputs[0]!;
      const owned = layers.get(key);
      const layer = owned && weightLayer(crown.graph, node);
      if (!layer) return undefined;
      const parts = partsOf(key);
      const used = adapter.get(parts.used)!.data;
      const scale = adapter.get(parts.scale)?.data;
      const channel = channelOf(layer);
      const values = owned.values.map((w, i) => (used[i] === 1 ? w * (scale ? scale[channel(i)]! : 1) : 0));
      const weight = b.constant(floats(values, owned.dims), b.fresh(parts.values));
      const bias = b.constant(floats(adapter.get(parts.bias)!.data, [layer.channels]), b.fresh(parts.bias));
      return withWeight(b, layer, inputs[0]!, weight, bias);
    });
    return crownOutputs(crown, names);
  }

  /**
   * Of every layer: its output channels, and shares of its weights: what the task owns, what it picks of earlier ones,
   * and what is free after it.
   */
  figures({ crown, earlier }: IsolationContext, tensors: AdapterTensors): LayerFigures {
    const { pretrained } = this.options;
    const number = earlier.length + (pretrained ? 2 : 1);
    const { layers } = ownership({ crown, earlier: [...earlier, tensors] }, pretrained, widthsOf(tensors));
    const entries = [...layers].map(([key, { owner }]) => {
      const used = tensors.get(partsOf(key).used)!.data;
      const share = (counts: (o: number, i: number) => boolean) => owner.filter(counts).length / owner.length;
      const figures = {
        channels: tensors.get(partsOf(key).bias)!.data.length,
        own: share((o) => o === number),
        picked: share((o, i) => o !== number && used[i] === 1),
        free: share((o) => o === 0),
      };
      return [key, figures] as const;
    });
    return new Map(entries);
  }

  /** Of the crown only a pretrained one's weights are needed, and kernels that are not trained. */
  sharedBytes(crown: Crown): number {
    return this.options.pretrained ? crownBytes(crown) : crownBytes(crown, ({ depthwise }) => depthwise);
  }

  /** Where the next task starts. */
  start(context: IsolationContext, random: Random): Draft {
    const widths = widthsOf(context.earlier.at(-1));
    return startDraft(context, this.options.pretrained, widths, this.options, random);
  }
}

function check(o: CpgOptions): void {
  const goals = typeof o.goal === 'string' ? [] : [o.goal].flat();
  const wrong = (setting: string, value: unknown, expected: string) =>
    new LichenError('method-settings', `cpg's ${setting} is ${value}; expected ${expected}`);
  const strings: readonly unknown[] = ['reached', 'fine-tuned'];
  if (typeof o.goal === 'string' && !strings.includes(o.goal)) {
    throw wrong('goal', `'${o.goal}'`, "'reached', 'fine-tuned', an accuracy, or one for each task");
  }
  for (const g of goals) if (!(g >= 0 && g <= 1)) throw wrong('goal', g, 'an accuracy from 0 to 1');
  if (!(o.margin >= 0 && o.margin < 1)) throw wrong('margin', o.margin, 'from 0 to below 1');
  if (!(o.heldOut > 0 && o.heldOut < 1)) throw wrong('heldOut', o.heldOut, 'a share between 0 and 1');
  if (!(o.release >= 0 && o.release < 1)) throw wrong('release', o.release, 'a share from 0 to below 1');
  if (!(o.mostKept > 0 && o.mostKept <= 1)) throw wrong('mostKept', o.mostKept, 'a share above 0');
  if (!(o.growth > 0)) throw wrong('growth', o.growth, 'a share above 0');
  if (!(o.mostWidth >= 1)) throw wrong('mostWidth', o.mostWidth, 'at least 1');
}
