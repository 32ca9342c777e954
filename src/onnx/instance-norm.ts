import { floatAttribute, floats, int64s, intAttribute, ints, type Node, node } from './model.js';
import type { ConversionContext } from './opset.js';
import { refused } from './refused.js';

/**
 * Group normalization in operators that have gradient rules: each group of channels to mean 0 and variance 1, then
 * a scale and a shift a channel. Wu and He 2018, equations 1 to 6.
 * @param dims shape of the input
 */
export function lowerGroupNorm(n: Node, c: ConversionContext, dims: readonly number[]): Node[] {
  const groups = intAttribute(n, 'num_groups', 1);
  const channels = dims[1] ?? 0;
  // Before set 21 scale and shift are of groups, not of channels.
  return normalizeGroups(n, c, dims, groups, c.opset < 21 ? channels / groups : 1);
}

/** Instance normalization: every channel is a group. */
export function lowerInstanceNorm(n: Node, c: ConversionContext, dims: readonly number[]): Node[] {
  return normalizeGroups(n, c, dims, dims[1] ?? 1, 1);
}

/** @param repeat channels that one value of scale and shift is for */
function normalizeGroups(
  n: Node,
  c: ConversionContext,
  dims: readonly number[],
  groups: number,
  repeat: number,
): Node[] {
  const [x, scale, shift] = n.inputs as [string, string, string];
  const out = n.outputs[0]!;
  const name = (part: string) => c.fresh(`${out}.${part}`);
  const channels = dims[1] ?? 0;
  const nodes: Node[] = [];
  const op = (kind: string, inputs: string[], to: string, attributes: Node['attributes'] = {}) => {
    nodes.push(node(kind, inputs, [to], attributes));
    return to;
  };
  const mean = (of: string, to: string) => op('ReduceMean', [of], name(to), { axes: ints([2]) });
  const perChannel = (given: string, which: string) => {
    const values = c.values(given);
    if (!values) throw refused(n, `its ${which} must be a constant`);
    if (values.length * repeat !== channels) {
      throw refused(
        n,
        `${values.length} values of its ${which} do not fit ${channels} channels in ${groups} groups`,
      );
    }
    const wide = [channels, ...dims.slice(2).map(() => 1)];
    const repeated = Float32Array.from(
      { length: values.length * repeat },
      (_, i) => values[Math.floor(i / repeat)]!,
    );
    return c.constant(`${out}.${which}`, floats(repeated, wide));
  };
  const grouped = op('Reshape', [x, c.constant(`${out}.groups`, int64s([0, groups, -1]))], name('grouped'));
  const centred = op('Sub', [grouped, mean(grouped, 'mean')], name('centred'));
  const variance = mean(op('Mul', [centred, centred], name('square')), 'variance');
  const epsilon = c.constant(`${out}.epsilon`, floats([floatAttribute(n, 'epsilon', 1e-5)], []));
  const deviation = op('Sqrt', [op('Add', [variance, epsilon], name('positive'))], name('deviation'));
  const normal = op('Div', [centred, deviation], name('normal'));
  const shape = c.constant(`${out}.shape`, int64s([0, ...dims.slice(1)]));
  const back = op('Reshape', [normal, shape], name('back'));
  const scaled = op('Mul', [back, perChannel(scale, 'scale')], name('scaled'));
  op('Add', [scaled, perChannel(shift, 'shift')], out);
  return nodes;
}
