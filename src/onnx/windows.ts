import { type Graph, intAttribute, intsAttribute, MAX_SIZE, type Node } from './model.js';
import { rankOf } from './rank.js';
import { refused } from './refused.js';

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
 * Checks windows of convolutions and poolings against the ranks of what they read. The runtime trusts them: it
 * ends the whole process, or runs for ever, where they do not fit.
 * @throws LichenError `onnx-invalid`, naming the node
 */
export function checkWindows(graph: Graph): void {
  const rank = rankOf(graph);
  for (const n of graph.nodes) if (WINDOWS.has(n.op)) checkWindow(n, graph, rank);
}

function checkWindow(n: Node, graph: Graph, rank: (name: string) => number | undefined): void {
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
