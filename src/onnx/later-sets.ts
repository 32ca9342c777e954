import { LichenError } from '../errors.js';
import type { Decomposing } from './decompose.js';
import { numbersOf } from './evaluate.js';
import {
  type Attribute,
  floats,
  int64s,
  intAttribute,
  ints,
  intsAttribute,
  type Node,
  stringAttribute,
} from './model.js';

/** Reductions whose axes became an input in set 18. */
const REDUCTIONS = new Set([
  ...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2'],
  ...['ReduceSumSquare', 'ReduceLogSum', 'ReduceLogSumExp'],
]);

/**
 * A node in the form that the build operator set has, where later sets have another. Parts of a Split that
 * are only counted, and a Resize of some axes to sizes, need shapes: `inline` sees to them.
 * @throws LichenError `onnx-invalid` where the build set cannot say it
 */
export function fromLaterSets(n: Node, c: Decomposing): Node {
  if (c.opset < 18) return n;
  const refused = (why: string) => new LichenError('onnx-invalid', `node '${n.name}' (${n.op}): ${why}`);
  if (REDUCTIONS.has(n.op) && n.inputs[1]) {
    const axes = c.initializer(n.inputs[1]);
    if (!axes) throw refused('its axes must be a constant');
    const { noop_with_empty_axes: noop, ...attributes } = n.attributes;
    if (axes.data.length === 0 && noop?.kind === 'int' && noop.value === 1)
      return { ...n, op: 'Identity', inputs: [n.inputs[0]!], attributes: {} };
    const given: Record<string, Attribute> = axes.data.length > 0 ? { axes: ints(numbersOf(axes)) } : {};
    return { ...n, inputs: [n.inputs[0]!], attributes: { ...attributes, ...given } };
  }
  if (n.op === 'Pad' && n.inputs[3]) {
    const rank = c.rank(n.inputs[0]!);
    const [pads, axes] = [n.inputs[1]!, n.inputs[3]].map((name) => c.initializer(name));
    if (!pads || !axes || rank === undefined) throw refused('its pads and axes must be constants');
    const all = Array<number>(2 * rank).fill(0);
    const [by, over] = [numbersOf(pads), numbersOf(axes)];
    over.forEach((axis, i) => {
      const at = axis < 0 ? axis + rank : axis;
      all[at] = by[i]!;
      all[at + rank] = by[i + over.length]!;
    });
    const name = c.constant(`${n.outputs[0]}.pads`, int64s(all));
    return { ...n, inputs: [n.inputs[0]!, name, ...(n.inputs[2] ? [n.inputs[2]] : [])] };
  }
  if (n.op === 'Resize') return resize(n, c, refused);
  if (n.op === 'AveragePool' && n.attributes.dilations) {
    if (intsAttribute(n, 'dilations')!.some((d) => d !== 1))
      throw refused('an average has no dilations here');
    const { dilations: _, ...attributes } = n.attributes;
    return { ...n, attributes };
  }
  return n;
}

function resize(n: Node, c: Decomposing, refused: (why: string) => LichenError): Node {
  const { antialias: _, keep_aspect_ratio_policy: __, axes: given, ...attributes } = n.attributes;
  if (intAttribute(n, 'antialias', 0) === 1) throw refused('antialias is not supported');
  const policy = stringAttribute(n, 'keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') throw refused(`keep_aspect_ratio_policy '${policy}' is not supported`);
  const scales = n.inputs[2] ? c.initializer(n.inputs[2]) : undefined;
  const axes = intsAttribute(n, 'axes');
  if (!axes || !given) return { ...n, attributes };
  if (!scales || scales.data.length === 0) return { ...n, attributes: { ...attributes, axes: given } };
  const rank = c.rank(n.inputs[0]!);
  if (rank === undefined) throw refused('how many axes its input has cannot be told');
  const all = Array<number>(rank).fill(1);
  axes.forEach((axis, i) => {
    all[axis < 0 ? axis + rank : axis] = Number(scales.data[i]!);
  });
  const name = c.constant(`${n.outputs[0]}.scales`, floats(all, [rank]));
  return { ...n, attributes, inputs: [n.inputs[0]!, '', name] };
}
