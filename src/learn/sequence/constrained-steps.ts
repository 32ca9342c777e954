import { gradients } from '../../autodiff/gradient.js';
import { lower } from '../../autodiff/lower.js';
import { adam, RATE_INPUT, sgd } from '../../autodiff/optimizer.js';
import { allOf, repeatSteps, STEPS_INPUT } from '../../autodiff/repeat.js';
import { reshape } from '../../autodiff/rule.js';
import type { Engine, FloatTensor, Program } from '../../engine/engine.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { int, type Model, sizeOf } from '../../onnx/model.js';
import type { Random } from '../../random.js';
import { entryOf } from '../steps.js';
import type { Crown, Isolation, Parameter } from '../strategy.js';
import { LOSS } from '../training-graph.js';
import { batchInputs } from './batches.js';
import type { Stepper } from './epochs.js';
import type { SequenceRehearsal } from './rehearsal.js';
import type { SequenceRegularization } from './shared-state.js';
import { lossOf, penalized, type StepOptions } from './shared-step.js';

type Tensors = Record<string, FloatTensor>;

/** Names of the tensors that go between a step's programs. */
const OWN = 'own';
const REMEMBERED = 'remembered';
const PRODUCTS = 'products';
const DOTS = 'dots';
const SHARES = 'shares';

type Dual = NonNullable<SequenceRehearsal['constraints']>['dual'];

/** Programs of a step, for a number of earlier tasks. */
interface Programs {
  tasks: number;
  /** Gradients on earlier tasks' memories; none before the second task. */
  remember?: Program;
  own: Program;
  update: Program;
  /** Which inputs either has: what holds the weights in place enters by the loss or behind the optimizer. */
  reads: { own: ReadonlySet<string>; update: ReadonlySet<string> };
  /** Input -> output of everything that a step updates. */
  carried: ReadonlyMap<string, string>;
}

/** What programs are made of. */
interface Making {
  engine: Engine;
  isolation: Isolation;
  regularization: SequenceRegularization;
  crown: Crown;
  options: StepOptions & { threads?: number };
  dual: Dual;
  random: Random;
}

/**
 * Steps whose gradient must not raise the loss of earlier tasks: the gradient on every earlier task's memory is taken,
 * one after the other inside the runtime, and the optimizer follows the step's own plus a share of each.
 * Call `constrain` before the first step of every task. It holds native memory: close it.
 */
export class ConstrainedSteps implements Stepper {
  private current: Tensors = {};
  private next: Tensors = {};
  private memory: Tensors = {};
  private programs: Programs | undefined;
  private readonly made: Making;
  private readonly parameters: readonly Parameter[];

  constructor(made: Making, parameters: readonly Parameter[]) {
    this.made = made;
    this.parameters = parameters;
    for (const { name, dims, initial } of parameters) {
      this.current[name] = { dims, data: initial.slice() };
      this.next[name] = { dims, data: new Float32Array(initial.length) };
    }
  }

  /**
   * Sets what the next steps are constrained by, and compiles them.
   * @param memory samples, targets and open classes of every earlier task: [tasks, rows, ...]
   */
  async constrain(memory: Tensors, tasks: number, rows: number): Promise<void> {
    this.memory = memory;
    await this.close();
    const { engine, options } = this.made;
    const { threads } = options;
    const compile = (model: Model) => engine.compile(model, { threads });
    const { model, carried } = updateGraph(this.made, this.parameters, tasks);
    const own = ownGraph(this.made, tasks);
    for (const input of carried.keys()) {
      if (this.current[input]) continue;
      const { dims } = this.current[this.parameters.find((p) => input.startsWith(`${p.name}.`))!.name]!;
      this.current[input] = { dims, data: new Float32Array(sizeOf(dims)) };
      this.next[input] = { dims, data: new Float32Array(sizeOf(dims)) };
    }
    this.programs = {
      ...{ tasks, carried },
      ...(tasks > 0 && { remember: await compile(rememberedGraph(this.made, rows)) }),
      own: await compile(own),
      update: await compile(model),
      reads: { own: inputsOf(own), update: inputsOf(model) },
    };
  }

  async run(each: Tensors, constant: Tensors = {}): Promise<Tensors> {
    const count = each[RATE_INPUT]!.dims[0]!;
    const losses = new Float32Array(count);
    for (let at = 0; at < count; at++) losses[at] = await this.step(each, constant, at);
    return { [LOSS]: { dims: [count], data: losses } };
  }

  values(): Map<string, Float32Array> {
    return new Map(this.parameters.map(({ name }) => [name, this.current[name]!.data]));
  }

  resetOptimizer(): void {
    const parameters = new Set(this.parameters.map((p) => p.name));
    for (const [name, { data }] of Object.entries(this.current)) if (!parameters.has(name)) data.fill(0);
  }

  async close(): Promise<void> {
    const { remember, own, update } = this.programs ?? {};
    this.programs = undefined;
    await Promise.all([remember?.close(), own?.close(), update?.close()]);
  }

  private async step(each: Tensors, constant: Tensors, at: number): Promise<number> {
    const { tasks, remember, own, update, carried, reads } = this.programs!;
    const parameters = Object.fromEntries(this.parameters.map(({ name }) => [name, this.current[name]!]));
    const remembered = remember ? await this.remembered(remember, parameters, tasks) : {};
    const { [RATE_INPUT]: rate, ...batch } = entriesOf(each, at);
    const found = await own.run({ ...parameters, ...readBy(reads.own, constant), ...batch, ...remembered });
    const shares = remember ? this.sharesOf(found, tasks) : {};
    const into = Object.fromEntries([...carried].map(([input, output]) => [output, this.next[input]!]));
    const gradient = { [OWN]: found[OWN]! };
    const held = readBy(reads.update, constant);
    const feeds = { ...this.current, ...held, ...gradient, ...remembered, ...shares, [RATE_INPUT]: rate! };
    await update.run(feeds, into);
    [this.current, this.next] = [this.next, this.current];
    return found[LOSS]!.data[0]!;
  }

  private async remembered(program: Program, parameters: Tensors, tasks: number): Promise<Tensors> {
    const feeds: Tensors = { ...parameters, [STEPS_INPUT]: { dims: [1], data: Float32Array.of(tasks) } };
    for (const [name, tensor] of Object.entries(this.memory)) feeds[allOf(name)] = tensor;
    return { [REMEMBERED]: (await program.run(feeds))[allOf(REMEMBERED)]! };
  }

  private sharesOf(found: Tensors, tasks: number): Tensors {
    const products = found[PRODUCTS]!.data;
    const gram = Array.from({ length: tasks }, (_, i) =>
      Array.from(products.subarray(i * tasks, (i + 1) * tasks)),
    );
    const shares = this.made.dual(gram, Array.from(found[DOTS]!.data));
    const data = shares ? Float32Array.from(shares) : new Float32Array(tasks);
    return { [SHARES]: { dims: [1, tasks], data } };
  }
}

/** The gradient on each earlier task's memory, all parameters in one row: [tasks, values]. */
function rememberedGraph({ isolation, crown, options, random }: Making, rows: number): Model {
  const { masked } = options;
  const { b, parameters } = lossOf(isolation, crown, rows, masked, 'memory', random);
  b.output(flat(b, gradients(b, 'data_loss', namesOf(parameters)), parameters, REMEMBERED));
  return repeatSteps(lower(b.model('lichen-remembered')), new Map(), inputNames('memory', masked));
}

/** The step's own loss and gradient, and the products of it and of the remembered gradients. */
function ownGraph({ isolation, regularization, crown, options, random }: Making, tasks: number): Model {
  const { batch, masked } = options;
  const { b, parameters } = lossOf(isolation, crown, batch, masked, 'batch', random);
  penalized(b, regularization, parameters);
  const own = b.output(flat(b, gradients(b, LOSS, namesOf(parameters)), parameters, OWN));
  b.output(LOSS);
  if (tasks > 0) {
    const rows = b.input(REMEMBERED, [tasks, ...b.shape(own)]);
    b.output(b.op('Gemm', [rows, rows], { transB: int(1) }, PRODUCTS));
    // As a product with a row: with a column it takes seven times as long.
    const row = reshape(b, own, [1, ...b.shape(own)]);
    b.output(b.op('Gemm', [row, rows], { transB: int(1) }, DOTS));
  }
  return lower(b.model('lichen-own'));
}

/** The optimizer's step along the own gradient plus the shares of the remembered ones. */
function updateGraph(
  { regularization, crown, options: { optimizer } }: Making,
  parameters: readonly Parameter[],
  tasks: number,
) {
  const b = new GraphBuilder();
  const sizes = parameters.map((p) => p.initial.length);
  const count = sizes.reduce((sum, n) => sum + n, 0);
  let direction = reshape(b, b.input(OWN, [count]), [1, count]);
  if (tasks > 0) {
    const rows = b.input(REMEMBERED, [tasks, count]);
    direction = b.op('Add', [direction, b.op('MatMul', [b.input(SHARES, [1, tasks]), rows])]);
  }
  let from = 0;
  const followed = parameters.map((p, i) => {
    const to = from + sizes[i]!;
    const part = b.op('Slice', [direction, b.ints(from), b.ints(to), b.ints(1)]);
    from = to;
    b.input(p.name, p.dims);
    return { ...p, gradient: reshape(b, part, p.dims) };
  });
  const steps = (optimizer === 'adam' ? adam : sgd)(
    b,
    followed,
    (next) => regularization.settle?.(b, crown, next) ?? next,
  );
  const carried = new Map(steps.flatMap((s) => [...s.updates]));
  return { model: lower(b.model('lichen-update')), carried };
}

/** Gradients of all parameters in one vector. */
function flat(
  b: GraphBuilder,
  found: ReadonlyMap<string, string>,
  parameters: readonly Parameter[],
  name: string,
): string {
  const parts = parameters.map((p) => reshape(b, found.get(p.name)!, [sizeOf(p.dims)]));
  return b.op('Concat', parts, { axis: int(0) }, name);
}

const inputsOf = ({ graph }: Model): ReadonlySet<string> => new Set(graph.inputs.map((i) => i.name));

/** Those of some tensors that a program has an input for. */
const readBy = (reads: ReadonlySet<string>, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => reads.has(name)));

const namesOf = (parameters: readonly Parameter[]) => parameters.map((p) => p.name);

function inputNames(of: string, masked: boolean): string[] {
  const { x, targets, open } = batchInputs(of);
  return masked ? [x, targets, open] : [x, targets];
}

/** One step's part of tensors that have the steps as first dimension. */
function entriesOf(tensors: Tensors, at: number): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, entryOf(tensor, at)]));
}
