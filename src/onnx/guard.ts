import { type Graph, intAttribute, intsAttribute, MAX_SIZE, type Node } from './model.js';
import { rankOf } from './rank.js';
import { refused } from './refused.js';

type Rank = (name: string) => number | undefined;

/**
 * Refuses nodes over which the runtime would end the whole process, write where it must not, or run for ever. It
 * checks most of what it reads itself, and its errors are clear; these it does not (found by test/onnx/fuzz-runtime.ts
 * with onnxruntime 1.27).
 * @throws LichenError `onnx-invalid`, naming the node
 */
export function guard(graph: Graph): void {
  const rank = rankOf(graph);
  for (const n of graph.nodes) {
    if (n.domain !== '') continue;
    if (WINDOWS.has(n.op)) checkWindow(n, graph, rank);
    else if (VARIADIC.has(n.op) && (n.inputs.length === 0 || n.inputs.includes(''))) {
      throw refused(n, 'one of its inputs has no name');
    } else if (n.op === 'Split') checkSplit(n, graph);
    else if (n.op === 'Upsample' || n.op === 'Resize') checkScales(n, graph, rank);
  }
}

/** Operators of any number of inputs. */
const VARIADIC = new Set(['Sum', 'Mean', 'Max', 'Min', 'Concat']);

/** As many parts as outputs. */
function checkSplit(n: Node, graph: Graph): void {
  const parts = n.outputs.length;
  const said = [
    n.attributes.num_outputs && intAttribute(n, 'num_outputs', 0),
    intsAttribute(n, 'split')?.length,
    graph.initializers.get(n.inputs[1] ?? '')?.data.length,
  ].find((count) => count !== undefined);
  if (said !== undefined && said !== parts)
    throw refused(n, `it splits into ${said}, but has ${parts} outputs`);
}

/** As many scales, or sizes, as axes. */
function checkScales(n: Node, graph: Graph, rank: Rank): void {
  const axes = intsAttribute(n, 'axes')?.length ?? rank(n.inputs[0] ?? '');
  for (const name of n.inputs.slice(n.inputs.length > 2 ? 2 : 1)) {
    if (!name) continue;
    const length = graph.initializers.get(name)?.data.length;
    const wrong = length !== undefined && length > 0 && axes !== undefined && length !== axes;
    if ((rank(name) ?? 1) !== 1 || wrong) {
      throw refused(
        n,
        `its '${name}' has ${length ?? 'an unknown number of'} values for ${axes ?? 'unknown'} axes`,
      );
    }
  }
  const scales = n.attributes.scales;
  if (scales && (scales.kind !== 'floats' || (axes ?? scales.value.length) !== scales.value.length)) {
    throw refused(n, `its scales do not fit ${axes} axes`);
  }
}

/** Operators that slide a window over the axes after batch and channels. */
const WINDOWS = new Set([
  'Conv',
  'ConvTranspose',
  'ConvInteger',
  'MaxPool',
  'AveragePool',
  'LpPool',
  'MaxUnpool',
]);

/**
 * Kernels, strides, dilations and pads must be as many as the axes of what is read, and a kernel the weight's.
 */
function checkWindow(n: Node, graph: Graph, rank: Rank): void {
  const given = (name: string, least: number) => {
    const a = n.attributes[name];
    if (a && a.kind !== 'ints') throw refused(n, `its ${name} are no list of integers`);
    const values = intsAttribute(n, name);
    if (values?.some((v) => v < least || v > MAX_SIZE)) throw refused(n, `its ${name} are [${values}]`);
    return values;
  };
  const convolves = n.op.startsWith('Conv');
  const weight = convolves ? (n.inputs[1] ?? '') : '';
  const dims = graph.initializers.get(weight)?.dims;
  const kernel = given('kernel_shape', 1) ?? dims?.slice(2);
  const ranks = [rank(n.inputs[0] ?? ''), convolves ? rank(weight) : undefined, kernel && kernel.length + 2];
  const known = ranks.filter((r) => r !== undefined);
  const axes = (known[0] ?? 2) - 2;
  if (known.some((r) => r < 3 || r !== known[0])) {
    throw refused(
      n,
      `its input has ${ranks[0] ?? 'unknown'} axes, its window is for ${ranks[1] ?? ranks[2]}`,
    );
  }
  if (!convolves && !kernel) throw refused(n, 'it has no kernel_shape');
  for (const [name, least, length] of [
    ['strides', 1, axes],
    ['dilations', 1, axes],
    ['pads', 0, 2 * axes],
    ['output_padding', 0, axes],
  ] as const) {
    const values = given(name, least);
    if (values && known.length > 0 && values.length !== length) {
      throw refused(n, `its ${name} are ${values.length}, not ${length}`);
    }
  }
  const groups = intAttribute(n, 'group', 1);
  if (groups < 1 || groups > MAX_SIZE) throw refused(n, `its group is ${groups}`);
  if (
    dims &&
    (dims.some((d) => d === 0) || dims[0]! % groups !== 0 || String(dims.slice(2)) !== String(kernel))
  ) {
    throw refused(
      n,
      `a weight of shape [${dims}] does not fit ${groups} group(s) and a kernel of [${kernel}]`,
    );
  }
}
