import { BUILD_IR_VERSION, BUILD_OPSET } from '../onnx/builder.js';
import { ElementType, type Graph, int, type Model, node, type ValueInfo } from '../onnx/model.js';

/** The input that says how many steps a run takes. */
export const STEPS_INPUT = 'steps';

/** Names in a repeated model, by the names in the model of one step: a carried input before and after all steps. */
export const firstOf = (input: string) => `first:${input}`;
export const lastOf = (input: string) => `last:${input}`;
/** An input or output of every step, with the steps as its first dimension. */
export const allOf = (name: string) => `all:${name}`;

/** An input of a step whose rows are taken out of a table that is the same in all steps. */
export interface Picked {
  input: string;
  /** [entries, ...], all that may be picked. */
  table: string;
  /** [rows], at every step: which entry each row of the input is. As float, like every input. */
  rows: string;
}

/**
 * Makes a model of one step a model of many: a loop that carries tensors from step to step inside the runtime.
 * Handing them out and in again at every step would cost a copy of all of them each time, and memory for it.
 * @param step a model whose every output is float
 * @param carried input -> output that is fed to it in the next step
 * @param each inputs that are others at every step
 * @param picked inputs that each step takes out of a table; the repeated model has their table, and `allOf` their rows
 * @returns a model with the inputs `STEPS_INPUT` [1], `firstOf` each carried input, `allOf` each of `each`, and
 *   the step's other inputs, which are the same in all steps, by their own names; its outputs are `lastOf` each carried
 *   input, and `allOf` every other output of a step
 */
export function repeatSteps(
  step: Model,
  carried: ReadonlyMap<string, string>,
  each: readonly string[],
  picked: readonly Picked[] = [],
): Model {
  const { graph } = step;
  const named = (values: readonly ValueInfo[], name: string): ValueInfo => {
    const found = values.find((v) => v.name === name);
    if (!found) throw new RangeError(`the step has no tensor '${name}'`);
    return found;
  };
  const states = [...carried.keys()];
  const results = [...carried.values()];
  const stacked = graph.outputs.map((o) => o.name).filter((name) => !results.includes(name));
  const rows = [...new Set(picked.map((p) => p.rows))];
  const taken = new Set(picked.map((p) => p.input));
  const turn: ValueInfo = { name: 'loop:turn', type: ElementType.int64, dims: [] };
  const go = (name: string): ValueInfo => ({ name, type: ElementType.bool, dims: [] });
  const body: Graph = {
    name: 'step',
    nodes: [
      ...[...each, ...rows].map((name) => node('Gather', [allOf(name), turn.name], [name], { axis: int(0) })),
      ...rows.map((name) => node('Cast', [name], [`loop:${name}`], { to: int(ElementType.int64) })),
      ...picked.map((p) => node('Gather', [p.table, `loop:${p.rows}`], [p.input], { axis: int(0) })),
      node('Identity', ['loop:go'], ['loop:on']),
      ...graph.nodes,
    ],
    initializers: graph.initializers,
    inputs: [turn, go('loop:go'), ...states.map((name) => named(graph.inputs, name))],
    outputs: [go('loop:on'), ...[...results, ...stacked].map((name) => named(graph.outputs, name))],
  };
  const outputs = [...states.map(lastOf), ...stacked.map(allOf)];
  const loop = node('Loop', ['loop:count', '', ...states.map(firstOf)], outputs, {
    body: { kind: 'graph', value: body },
  });
  const float = (name: string, dims?: ValueInfo['dims']): ValueInfo => ({
    name,
    type: ElementType.float,
    ...(dims && { dims }),
  });
  return {
    graph: {
      name: 'steps',
      nodes: [
        node('Cast', [STEPS_INPUT], ['loop:steps'], { to: int(ElementType.int64) }),
        node('Squeeze', ['loop:steps'], ['loop:count']),
        loop,
      ],
      initializers: new Map(),
      inputs: [
        float(STEPS_INPUT, [1]),
        ...states.map((name) => ({ ...named(graph.inputs, name), name: firstOf(name) })),
        ...each.map((name) => float(allOf(name), ['steps', ...(named(graph.inputs, name).dims ?? [])])),
        ...rows.map((name) => float(allOf(name), ['steps', 'rows'])),
        ...picked.map((p) =>
          float(p.table, ['entries', ...(named(graph.inputs, p.input).dims ?? []).slice(1)]),
        ),
        // What is the same in all steps; the loop's body reads it from here.
        ...graph.inputs.filter(
          (i) => !states.includes(i.name) && !each.includes(i.name) && !taken.has(i.name),
        ),
      ],
      outputs: outputs.map((name) => float(name)),
    },
    opset: BUILD_OPSET,
    irVersion: BUILD_IR_VERSION,
    metadata: {},
  };
}
