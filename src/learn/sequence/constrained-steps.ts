import { choose } from '../../autodiff/choices.js';
import { dotOfAll } from '../../autodiff/dot.js';
import { gradients } from '../../autodiff/gradient.js';
import { lower } from '../../autodiff/lower.js';
import { adam, RATE_INPUT, sgd } from '../../autodiff/optimizer.js';
import { add, reshape } from '../../autodiff/rule.js';
import type { Engine, FloatTensor, Program } from '../../engine/engine.js';
import { free } from '../../engine/free.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { inline } from '../../onnx/inline.js';
import { floats, int, type Model, sizeOf } from '../../onnx/model.js';
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

/** A graph that updates parameters and the optimizer's state. */
interface Updating {
  model: Model;
  /** Input -> output of everything that it updates. */
  carried: ReadonlyMap<string, string>;
}

/** The same compiled. */
interface UpdatingProgram extends Omit<Updating, 'model'> {
  program: Program;
  /** Which inputs it has: what holds the weights in place enters by the loss or behind the optimizer. */
  reads: ReadonlySet<string>;
}

/** Programs of a step, for a number of earlier tasks. */
interface Programs {
  tasks: number;
  /** Takes the step along its own gradient, and tells the gradients where one goes against another. */
  own: UpdatingProgram;
  /** Takes the step anew where it does; none before the second task. */
  corrected?: UpdatingProgram;
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
 * Steps whose gradient must not raise the loss of earlier tasks. Most do not: whether one does is told by the products
 * of its gradient with that on every earlier task's memory, for which a dense layer's need not be made. Where one does,
 * the optimizer follows the step's own gradient plus a share of each. Call `constrain` before the first step of every
 * task. It holds native memory: close it.
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
    this.memory = {};
    for (const [name, tensor] of Object.entries(memory)) {
      for (let k = 0; k < tasks; k++) this.memory[ofTask(k, name)] = entryOf(tensor, k);
    }
    await this.close();
    const { engine, options } = this.made;
    const compiled = async ({ model, carried }: Updating): Promise<UpdatingProgram> => ({
      carried,
      program: await engine.compile(model, { threads: options.threads }),
      reads: new Set(model.graph.inputs.map((i) => i.name)),
    });
    const own = ownGraph(this.made, tasks, rows);
    for (const input of own.carried.keys()) {
      if (this.current[input]) continue;
      const { dims } = this.current[this.parameters.find((p) => input.startsWith(`${p.name}.`))!.name]!;
      this.current[input] = { dims, data: new Float32Array(sizeOf(dims)) };
      this.next[input] = { dims, data: new Float32Array(sizeOf(dims)) };
    }
    this.programs = {
      tasks,
      own: await compiled(own),
      ...(tasks > 0 && { corrected: await compiled(correctedGraph(this.made, this.parameters, tasks)) }),
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
    const { own, corrected } = this.programs ?? {};
    this.programs = undefined;
    await Promise.all([own?.program.close(), corrected?.program.close()]);
  }

  private async step(each: Tensors, constant: Tensors, at: number): Promise<number> {
    const { tasks, own, corrected } = this.programs!;
    const { [RATE_INPUT]: rate, ...batch } = entriesOf(each, at);
    const inputs = { ...this.current, ...constant, [RATE_INPUT]: rate! };
    const found = await this.update(own, { ...inputs, ...batch, ...this.memory });
    const shares = corrected && this.sharesOf(found, tasks);
    if (shares) {
      const gradients = { [OWN]: found[OWN]!, [REMEMBERED]: found[REMEMBERED]! };
      await this.update(corrected, { ...inputs, ...gradients, [SHARES]: { dims: [1, tasks], data: shares } });
      // As large as the network times the earlier tasks.
      free(Object.values(gradients).map(({ data }) => data.buffer as ArrayBuffer));
    }
    [this.current, this.next] = [this.next, this.current];
    return found[LOSS]!.data[0]!;
  }

  /** Runs a program on those of the inputs that it has; what it updates is written to `next`. */
  private update({ program, reads, carried }: UpdatingProgram, inputs: Tensors): Promise<Tensors> {
    const into = Object.fromEntries([...carried].map(([input, output]) => [output, this.next[input]!]));
    return program.run(Object.fromEntries(Object.entries(inputs).filter(([name]) => reads.has(name))), into);
  }

  /** What to add of each earlier task's gradient; undefined where the step's own stands. */
  private sharesOf(found: Tensors, tasks: number): Float32Array | undefined {
    const products = found[PRODUCTS]!.data;
    if (products.length === 0) return undefined;
    const gram = Array.from({ length: tasks }, (_, i) =>
      Array.from(products.subarray(i * tasks, (i + 1) * tasks)),
    );
    const shares = this.made.dual(gram, Array.from(found[DOTS]!.data));
    return shares ? Float32Array.from(shares) : undefined;
  }
}

/**
 * The step's own loss and the optimizer's step along its gradient; the products of that with the gradients on earlier
 * tasks' memories; and where one is below zero, all gradients and the products of the remembered ones, else nothing. An engine without
 * branches tells them always.
 */
function ownGraph(making: Making, tasks: number, rows: number): Updating {
  const { isolation, regularization, crown, options, random } = making;
  const { batch, masked, choices } = options;
  const { b, parameters } = lossOf(isolation, crown, batch, masked, 'batch', random);
  penalized(b, regularization, parameters);
  const found = gradients(b, LOSS, namesOf(parameters));
  const remembered = rememberedGradients(making, b, tasks, rows);
  const dots = remembered.map((of) => dotOfAll(b, found, of));
  const carried = optimized(b, making, parameters, found);
  b.output(LOSS);
  if (tasks === 0) return { model: lower(b.model('lichen-own')), carried };
  const column = dots.map((d) => reshape(b, d, [1]));
  const all = b.output(b.op('Concat', column, { axis: int(0) }, DOTS));
  const against = b.op('Less', [b.op('ReduceMin', [all], { keepdims: int(0) }), b.scalar(0)]);
  const matrix = reshape(b, joined(b, remembered, parameters), [tasks, countOf(parameters)]);
  const nothing = b.constant(floats([], [0]));
  const told = {
    [OWN]: joined(b, [found], parameters),
    [REMEMBERED]: matrix,
    [PRODUCTS]: b.op('Gemm', [matrix, matrix], { transB: int(1) }),
  };
  for (const [name, tensor] of Object.entries(told)) {
    b.output(choices ? choose(b, against, tensor, nothing, name) : b.op('Identity', [tensor], {}, name));
  }
  const { graph, ...model } = lower(b.model('lichen-own'));
  const outputs = graph.outputs.map((o) => (o.name in told ? { name: o.name, type: o.type } : o));
  return { model: { ...model, graph: { ...graph, outputs } }, carried };
}

/** The gradients on each earlier task's memory, of which each is an input of its own. */
function rememberedGradients(
  { isolation, crown, options: { masked }, random }: Making,
  b: GraphBuilder,
  tasks: number,
  rows: number,
): Map<string, string>[] {
  const { b: memory, parameters } = lossOf(isolation, crown, rows, masked, 'memory', random);
  const found = gradients(memory, 'data_loss', namesOf(parameters));
  const { x, targets, open } = batchInputs('memory');
  const inputs = masked ? [x, targets, open] : [x, targets];
  return Array.from({ length: tasks }, (_, k) => {
    const fed = inputs.map((name) => [name, b.input(ofTask(k, name), memory.shape(name))] as const);
    const known = new Map([...parameters.map(({ name }) => [name, name] as const), ...fed]);
    const inlined = inline(b, memory.graph(), known);
    return new Map([...found].map(([name, g]) => [name, inlined.get(g)!]));
  });
}

/** The optimizer's step along the own gradient plus the shares of the remembered ones. */
function correctedGraph(making: Making, parameters: readonly Parameter[], tasks: number): Updating {
  const b = new GraphBuilder();
  const count = countOf(parameters);
  const rows = b.input(REMEMBERED, [tasks, count]);
  const own = reshape(b, b.input(OWN, [count]), [1, count]);
  const direction = add(b, own, b.op('MatMul', [b.input(SHARES, [1, tasks]), rows]));
  let from = 0;
  const followed = new Map(
    parameters.map((p) => {
      const to = from + p.initial.length;
      const part = b.op('Slice', [direction, b.ints(from), b.ints(to), b.ints(1)]);
      from = to;
      b.input(p.name, p.dims);
      return [p.name, reshape(b, part, p.dims)];
    }),
  );
  const carried = optimized(b, making, parameters, followed);
  return { model: lower(b.model('lichen-corrected')), carried };
}

/** Adds the optimizer's step. Returns input -> output of everything that it updates. */
function optimized(
  b: GraphBuilder,
  { regularization, crown, options: { optimizer } }: Making,
  parameters: readonly Parameter[],
  followed: ReadonlyMap<string, string>,
): Map<string, string> {
  const steps = (optimizer === 'adam' ? adam : sgd)(
    b,
    parameters.map((p) => ({ ...p, gradient: followed.get(p.name)! })),
    (next) => regularization.settle?.(b, crown, next) ?? next,
  );
  return new Map(steps.flatMap((s) => [...s.updates]));
}

/** Gradients of all parameters, one set of them behind the other, in one vector. */
function joined(
  b: GraphBuilder,
  sets: readonly ReadonlyMap<string, string>[],
  parameters: readonly Parameter[],
): string {
  const parts = sets.flatMap((of) => parameters.map((p) => reshape(b, of.get(p.name)!, [sizeOf(p.dims)])));
  return b.op('Concat', parts, { axis: int(0) });
}

const namesOf = (parameters: readonly Parameter[]) => parameters.map((p) => p.name);

const countOf = (parameters: readonly Parameter[]) =>
  parameters.reduce((sum, p) => sum + p.initial.length, 0);

/** An input for an earlier task's memory. */
const ofTask = (task: number, name: string) => `${task}:${name}`;

/** One step's part of tensors that have the steps as first dimension. */
function entriesOf(tensors: Tensors, at: number): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, entryOf(tensor, at)]));
}
