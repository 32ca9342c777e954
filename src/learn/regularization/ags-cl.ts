import type { Settle } from '../../autodiff/optimizer.js';
import { add, div, mul, reshape, sub } from '../../autodiff/rule.js';
import type { FloatTensor } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { int } from '../../onnx/model.js';
import { Random } from '../../random.js';
import type { SequenceRegularization, SharedState } from '../sequence/shared-state.js';
import type { Crown } from '../strategy.js';
import { meanActivations } from './activations.js';
import { isZero, placeOf, setZero } from './node-weights.js';
import { type NodeLayer, nodeLayers } from './nodes.js';

export interface AgsClOptions {
  /** Pull of nodes that are not important towards 0: the more, the more nodes stay free for later tasks. */
  mu: number;
  /** Pull of important nodes towards what they were, times their importance. */
  lambda: number;
  /** Share of the free nodes that begin anew with random weights after each task. */
  rho: number;
  /**
   * Given: the share of each layer's nodes that a task begins with anew, the first task too, in the place of `rho`. All
   * others stay at exactly 0 until it is their turn. What the pull `mu` takes many epochs for, and pays
   * for with accuracy, is given from the start: 0.1 divides a network among ten tasks.
   */
  budget?: number;
  /** What earlier importance is multiplied by when a task adds its own. */
  eta: number;
  /** Samples of a task that importance is measured on, drawn at random; all where it is not given. */
  samples?: number;
}

export const AGS_CL_DEFAULTS: AgsClOptions = { mu: 1, lambda: 100, rho: 0.3, eta: 0.9 };

/** What a step's graph is given of a layer. */
interface Held {
  layer: NodeLayer;
  /** Where nodes are pulled to: weights of the layer's shape, and biases. */
  weight: Float32Array;
  bias: Float32Array;
  /** How far a step pulls each node. */
  pull: Float32Array;
  /** 1 for nodes that are important, and for columns that read nodes which are not. */
  important: Float32Array;
  unimportant: Float32Array;
  /** Importance of each node. */
  omega: Float32Array;
}

/** A pull that nothing moves against. */
const FAST = 3e38;

/** Keeps 0 / 0 out: a node that is where it is pulled to stays there. */
const TINY = 1e-30;

/** Seeds of the draws for new nodes, apart from those of the training. */
const SEED = 611_953;

const NAMES = ['weight', 'bias', 'pull', 'important', 'unimportant'] as const;
const inputOf = (key: string, name: (typeof NAMES)[number]) => `ags:${key}.${name}`;

/**
 * Adaptive group sparse regularization (Jung, Ahn, Cha & Moon 2020, 'Continual learning with node-importance based
 * adaptive group sparse regularization'). A node is a unit or a filter with the weights that it reads and its bias. Its
 * importance Omega is its mean activation on the tasks so far. The loss of a task has beside it (equation 2)
 *
 *   mu sum_{Omega = 0} ||theta_n|| + lambda sum_{Omega > 0} Omega_n ||theta_n - theta_n*||
 *
 * Norms of groups have corners, so that each step of the optimizer is followed by a proximal step (equations 3 and 4):
 * towards 0 or towards theta* by rate * mu or rate * lambda * Omega, and no further. A node that the task moves by less
 * than that stays exactly where it was. Important nodes read nothing of unimportant ones; after a task what others read
 * of unimportant nodes becomes 0, and a share of them begins anew.
 */
export class AgsCl implements SequenceRegularization {
  readonly name = 'ags-cl';
  private readonly options: AgsClOptions;
  private held: Held[] = [];

  /** @throws LichenError `method-setting` for a value out of its range */
  constructor(options: Partial<AgsClOptions> = {}) {
    this.options = { ...AGS_CL_DEFAULTS, ...options };
    checkOptions(this.options);
  }

  penalty(): null {
    return null;
  }

  settle(b: GraphBuilder, crown: Crown, next: Parameters<Settle>[0]): ReturnType<Settle> {
    // Asked again for another graph of the same network, as GEM does for every task, it keeps what it knows.
    if (this.held.length === 0) this.held = nodeLayers(crown).map(blank);
    const settled = new Map(next);
    for (const held of this.held) {
      for (const name of NAMES) b.input(inputOf(held.layer.key, name), dimsOf(held, name));
      const { key } = held.layer;
      const [weight, bias] = proximal(b, held.layer, next.get(`${key}.weight`)!, next.get(`${key}.bias`)!);
      settled.set(`${key}.weight`, weight);
      settled.set(`${key}.bias`, bias);
    }
    return settled;
  }

  inputs(): Record<string, FloatTensor> {
    return Object.fromEntries(
      this.held.flatMap((held) =>
        NAMES.map((name) => [inputOf(held.layer.key, name), { dims: dimsOf(held, name), data: held[name] }]),
      ),
    );
  }

  /** Importance of all nodes but the head's, which is not used; all else follows from it and the weights. */
  keeps(): Record<string, FloatTensor> {
    const hidden = this.held.filter((h) => !h.layer.isHead);
    return Object.fromEntries(
      hidden.map(({ layer, omega }) => [`ags:${layer.key}.omega`, { dims: [omega.length], data: omega }]),
    );
  }

  beforeTask(state: SharedState): undefined {
    const { lambda, mu, budget } = this.options;
    if (state.tasks.length === 1) this.begin(state);
    const { rate } = state.options;
    const values = state.values();
    const classes = new Set(state.tasks.at(-1)!.classes);
    const importance = this.importance();
    for (const held of this.held) {
      const { layer, omega, pull, important, unimportant } = held;
      const weight = values.get(`${layer.key}.weight`)!;
      const bias = values.get(`${layer.key}.bias`)!;
      for (let n = 0; n < layer.nodes; n++) {
        // The head's nodes are the classes: a task's own are free, others stay as they are.
        const kept = layer.isHead ? !classes.has(n) : omega[n]! > 0;
        important[n] = kept ? 1 : 0;
        const strength = kept ? lambda * omega[n]! : mu;
        pull[n] = layer.isHead ? (kept ? FAST : 0) : rate * strength;
        const waits = budget !== undefined && !layer.isHead && !kept && isZero(layer, weight, bias, n);
        if (waits) pull[n] = FAST;
        held.bias[n] = kept ? bias[n]! : 0;
        for (let c = 0; c < layer.columns; c++) {
          const at = placeOf(layer, n, c);
          held.weight[at] = kept ? weight[at]! : 0;
        }
      }
      layer.sources.forEach((nodes, c) => {
        const free = nodes.some((node) => importance.get(node.layer)![node.place] === 0);
        unimportant[c] = free ? 1 : 0;
      });
    }
    return undefined;
  }

  /** With a budget the first task, too, begins with some of the nodes. */
  private begin(state: SharedState): void {
    const { budget } = this.options;
    if (budget === undefined) return;
    const values = state.values();
    for (const { layer, omega } of this.held) {
      if (layer.isHead) continue;
      const weight = values.get(`${layer.key}.weight`)!;
      const bias = values.get(`${layer.key}.bias`)!;
      const waiting = [...omega.keys()].slice(countOf(budget, layer.nodes));
      setZero(layer, weight, bias, waiting);
    }
  }

  async afterTask(state: SharedState): Promise<void> {
    const { eta, samples } = this.options;
    const random = new Random(state.options.seed + SEED + state.tasks.length);
    const means = await meanActivations(
      state,
      this.held.map((h) => h.layer),
      samples,
      random,
    );
    for (const { layer, omega } of this.held) {
      means.get(layer.key)?.forEach((mean, n) => {
        omega[n] = eta * omega[n]! + mean;
      });
    }
    this.tie();
    this.renew(state, random);
  }

  stateBytes(): number {
    return this.held.reduce(
      (sum, h) => sum + 4 * NAMES.reduce((total, name) => total + h[name].length, h.omega.length),
      0,
    );
  }

  /** Shares of all nodes but the head's: important ones, and those that are free for later tasks. */
  methodReport(): Record<string, number> {
    const omega = this.held.filter((h) => !h.layer.isHead).flatMap((h) => [...h.omega]);
    const important = omega.filter((o) => o > 0).length / Math.max(1, omega.length);
    return { nodes: omega.length, frozenShare: important, freeShare: 1 - important };
  }

  /** Importance of a layer's nodes after the tasks so far; 0 where a node is free. */
  importanceOf(layer: string): Float32Array {
    return this.importance().get(layer)!.slice();
  }

  private importance(): Map<string, Float32Array> {
    return new Map(this.held.map(({ layer, omega }) => [layer.key, omega]));
  }

  /** Nodes whose outputs are added are read together: where one of them is important, all are. */
  private tie(): void {
    const importance = this.importance();
    for (const { layer } of this.held) {
      for (const nodes of layer.sources) {
        const most = Math.max(0, ...nodes.map((n) => importance.get(n.layer)![n.place]!));
        for (const n of nodes) importance.get(n.layer)![n.place]! ||= most;
      }
    }
  }

  /** Nobody reads unimportant nodes any more, and some of them begin anew. */
  private renew(state: SharedState, random: Random): void {
    const values = state.values();
    const importance = this.importance();
    const { rho, budget } = this.options;
    const initial = new Map(state.parameters.map((p) => [p.name, p.initial]));
    const seen = new Set(state.tasks.flatMap((t) => t.classes));
    for (const { layer, omega } of this.held) {
      const weight = values.get(`${layer.key}.weight`)!;
      const bias = values.get(`${layer.key}.bias`)!;
      const { isHead, nodes, columns } = layer;
      layer.sources.forEach((read, c) => {
        if (!read.some((n) => importance.get(n.layer)![n.place] === 0)) return;
        // Classes that are still to come may read nodes that begin anew.
        for (let n = 0; n < nodes; n++) if (!isHead || seen.has(n)) weight[placeOf(layer, n, c)] = 0;
      });
      if (isHead) continue;
      const free = [...omega.keys()].filter((n) => omega[n] === 0);
      const count =
        budget === undefined
          ? free.length - Math.floor(free.length * (1 - rho))
          : Math.min(free.length, countOf(budget, nodes));
      const first = initial.get(`${layer.key}.weight`)!;
      const firstBias = initial.get(`${layer.key}.bias`)!;
      const drawn = (values: Float32Array) => values[Math.floor(random.next() * values.length)]!;
      // As the network's own weights began, whatever these were drawn from.
      const order = random.shuffle(free);
      for (const n of order.slice(0, count)) {
        for (let c = 0; c < columns; c++) weight[placeOf(layer, n, c)] = drawn(first);
        bias[n] = drawn(firstBias);
      }
      if (budget !== undefined) setZero(layer, weight, bias, order.slice(count));
    }
  }
}

/** Nodes of a share of a layer; at least one. */
const countOf = (share: number, nodes: number): number => Math.max(1, Math.round(share * nodes));

/** A layer whose nodes are not important yet. */
const blank = (layer: NodeLayer): Held => ({
  layer,
  weight: new Float32Array(layer.nodes * layer.columns),
  bias: new Float32Array(layer.nodes),
  pull: new Float32Array(layer.nodes),
  important: new Float32Array(layer.nodes),
  unimportant: new Float32Array(layer.columns),
  omega: new Float32Array(layer.nodes),
});

function dimsOf({ layer }: Held, name: (typeof NAMES)[number]): readonly number[] {
  const { nodes, columns, nodesFirst } = layer;
  if (name === 'weight') return nodesFirst ? [nodes, columns] : [columns, nodes];
  return [name === 'unimportant' ? columns : nodes];
}

/** Adds a layer's proximal step: prox of pull * ||theta - anchor|| is anchor + max(0, 1 - pull / ||.||) (theta - anchor). */
function proximal(b: GraphBuilder, layer: NodeLayer, weight: string, bias: string): [string, string] {
  const { key, nodesFirst, nodes, columns } = layer;
  const given = (name: (typeof NAMES)[number]) => inputOf(key, name);
  const perNode = (tensor: string) => reshape(b, tensor, nodesFirst ? [nodes, 1] : [1, nodes]);
  const perColumn = (tensor: string) => reshape(b, tensor, nodesFirst ? [1, columns] : [columns, 1]);
  // What an important node may not read is 0 in its anchor, too.
  const closed = b.op('Mul', [perNode(given('important')), perColumn(given('unimportant'))]);
  const read = b.op('Mul', [weight, sub(b, b.scalar(1), closed)]);
  const drift = sub(b, read, given('weight'));
  const shift = sub(b, bias, given('bias'));
  const squares = b.op('ReduceSumSquare', [drift], {
    axes: { kind: 'ints', value: [nodesFirst ? 1 : 0] },
    keepdims: int(0),
  });
  const norm = b.op('Sqrt', [add(b, squares, b.op('Mul', [shift, shift]))]);
  const share = div(b, given('pull'), b.op('Max', [norm, b.scalar(TINY)]));
  const left = b.op('Max', [sub(b, b.scalar(1), share), b.scalar(0)]);
  return [add(b, given('weight'), mul(b, drift, perNode(left))), add(b, given('bias'), mul(b, shift, left))];
}

function checkOptions({ mu, lambda, rho, budget, eta, samples }: AgsClOptions): void {
  const refuse = (setting: string, value: unknown, expected: string) => {
    throw new LichenError('method-setting', `AGS-CL's ${setting} is ${value}; expected ${expected}`);
  };
  const from0 = (value: number) => value >= 0 && Number.isFinite(value);
  if (!from0(mu)) refuse('mu', mu, 'a number from 0');
  if (!from0(lambda)) refuse('lambda', lambda, 'a number from 0');
  if (!(rho >= 0 && rho <= 1)) refuse('rho', rho, 'a share from 0 to 1');
  if (budget !== undefined && !(budget > 0 && budget <= 1))
    refuse('budget', budget, 'a share above 0, up to 1, or none');
  if (!(eta > 0 && eta <= 1)) refuse('eta', eta, 'a number above 0, up to 1');
  if (samples !== undefined && !(Number.isInteger(samples) && samples > 0))
    refuse('samples', samples, 'a whole number from 1, or none for all samples');
}
