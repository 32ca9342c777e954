import type { Proximal } from '../../autodiff/proximal.js';
import { add, mul, scale, sub, sum } from '../../autodiff/rule.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { floats } from '../../onnx/model.js';
import { fedBy, HEAD } from '../sequence/headed.js';
import type { TaskLearning } from '../sequence/task-networks.js';
import type { TaskHead } from '../sequence/task-trainer.js';
import type { Parameter } from '../strategy.js';
import { addUnitLayers, type UnitLayer } from './unit-layers.js';

/** How one tensor is trained. Arrays are of the tensor's length. */
export interface TensorTraining {
  /** 1 for values that are trained, 0 for those that stay; all are without it. */
  mask?: Float32Array;
  /** The loss has the terms strength * (value - anchor)^2. */
  pull?: { strength: Float32Array; anchor: Float32Array };
  proximal?: Proximal;
}

/** How a layer is trained. */
export interface LayerTraining {
  weight: TensorTraining;
  bias: TensorTraining;
}

/** One phase of learning a task: a network of unit layers under a head. */
export interface Phase {
  layers: readonly UnitLayer[];
  /** For every layer; where it is not given, only the head is trained. */
  training?: readonly LayerTraining[];
  /** Where the head starts; without it small and random. */
  head?: TaskHead;
  /** Strength of the head's squared l2 norm in the loss. */
  headPull?: number;
  headProximal?: Proximal;
  mostSteps: number;
}

export interface PhaseResult {
  layers: UnitLayer[];
  head: TaskHead;
  /** Mean cross-entropy of the last epoch. */
  loss: number;
}

/** Trains a phase. The layers that come in are not changed. */
export async function trainPhase(
  { trainer, context: { crown }, task, number, report }: TaskLearning,
  { layers, training, head, headPull = 0, headProximal, mostSteps }: Phase,
): Promise<PhaseResult> {
  const trainings = new Map<string, TensorTraining>();
  layers.forEach(({ key }, l) => {
    const how = training?.[l];
    if (!how) return;
    trainings.set(`${key}.weight`, how.weight);
    trainings.set(`${key}.bias`, how.bias);
  });
  const network = (input: string, batch: number) => {
    const b = new GraphBuilder();
    const x = b.input(input, [batch, ...crown.latentShape]);
    const parameters: Parameter[] = [];
    const tensor = (name: string, dims: readonly number[], start: Float32Array): string => {
      const how = trainings.get(name);
      if (!how) return b.constant(floats(start, dims), name);
      parameters.push({ name, dims, initial: start.slice(), learningRate: trainer.options.rate });
      const value = b.input(name, dims);
      const { mask } = how;
      if (!mask) return value;
      const fixed = start.map((w, i) => (mask[i] ? 0 : w));
      return add(b, mul(b, value, b.constant(floats(mask, dims))), b.constant(floats(fixed, dims)));
    };
    const features = addUnitLayers(b, fedBy(crown, input), x, layers, (layer) => ({
      weight: tensor(`${layer.key}.weight`, [layer.units, layer.inputs * layer.taps], layer.weight),
      bias: tensor(`${layer.key}.bias`, [layer.units], layer.bias),
    }));
    return { builder: b, parameters, features };
  };
  const trained = await trainer.train(
    {
      ...{ task, number, network, mostSteps },
      ...(head && { head }),
      penalty: (b, parameters) => penaltyOf(b, parameters, trainings, headPull),
      proximal: ({ name }) => (name === `${HEAD}.weight` ? headProximal : trainings.get(name)?.proximal),
    },
    report,
  );
  const trainedOf = (name: string, start: Float32Array) => {
    const value = trained.values.get(name);
    const mask = trainings.get(name)?.mask;
    return start.map((w, i) => (value && (!mask || mask[i]) ? value[i]! : w));
  };
  return {
    layers: layers.map((layer) => ({
      ...layer,
      weight: trainedOf(`${layer.key}.weight`, layer.weight),
      bias: trainedOf(`${layer.key}.bias`, layer.bias),
    })),
    head: trained.head,
    loss: trained.losses.at(-1)!,
  };
}

function penaltyOf(
  b: GraphBuilder,
  parameters: readonly Parameter[],
  trainings: ReadonlyMap<string, TensorTraining>,
  headPull: number,
): string | null {
  const axes = (dims: readonly number[]) => dims.map((_, axis) => axis);
  const terms = parameters.flatMap(({ name, dims }) => {
    if (name === `${HEAD}.weight` && headPull > 0) {
      return [scale(b, sum(b, mul(b, name, name), axes(dims)), headPull)];
    }
    const pull = trainings.get(name)?.pull;
    if (!pull) return [];
    const away = sub(b, name, b.constant(floats(pull.anchor, dims)));
    return [sum(b, mul(b, b.constant(floats(pull.strength, dims)), mul(b, away, away)), axes(dims))];
  });
  return terms.length === 0 ? null : terms.reduce((all, term) => add(b, all, term));
}
