import {
  int64s,
  intAttribute,
  ints,
  intsAttribute,
  type Node,
  node,
  stringAttribute,
  without,
} from './model.js';
import type { ConversionContext } from './opset.js';
import { refused } from './refused.js';
import { windowOf } from './shapes.js';

/**
 * A convolution or pool with its padding said outright: as wide as `auto_pad` makes it, and as the last window needs
 * that `ceil_mode` adds. The runtime's shape inference and its kernels count such windows differently, and it has no
 * dilated convolution with `auto_pad`. Where the size of what is read is not known, the node stays as it is.
 * @throws LichenError `onnx-invalid` for averages over dilated windows, which came in set 19, and for pools that would
 *   be padded by less than nothing, which runtimes read differently
 */
export function explicitPads(n: Node, c: ConversionContext): Node[] {
  const averages = n.op === 'AveragePool';
  if (averages && intsAttribute(n, 'dilations')?.some((d) => d !== 1)) {
    throw refused(n, 'dilations are not supported');
  }
  const plain = averages ? without(n, 'dilations') : n;
  const spatial = c.dims(n.inputs[0]!)?.slice(2);
  const kernel = intsAttribute(n, 'kernel_shape') ?? c.dims(n.inputs[1] ?? '')?.slice(2);
  const up = n.op !== 'Conv' && intAttribute(n, 'ceil_mode', 0) === 1;
  const automatic = stringAttribute(n, 'auto_pad', 'NOTSET') !== 'NOTSET';
  if (!(automatic || up) || !spatial || !kernel) return [plain];
  const { pads, strides, dilations, output } = windowOf(n, spatial, kernel);
  const skips = (s: number, i: number) => (output[i]! - 1) * strides[i]! + kernel[i]! < s - 1;
  if (n.op !== 'Conv' && stringAttribute(n, 'auto_pad', '').startsWith('SAME') && spatial.some(skips)) {
    throw refused(n, `strides of [${strides}] with a kernel of [${kernel}] and auto_pad are not supported`);
  }
  const before = pads.slice(0, spatial.length);
  // How far beyond the end of what is read the last window reaches.
  const after = kernel.map((k, i) => {
    const end = (output[i]! - 1) * strides[i]! + (k - 1) * dilations[i]! + 1;
    return Math.max(0, end - spatial[i]! - before[i]!);
  });
  // The runtime has no pools whose padding is as wide as their kernel.
  if (n.op !== 'Conv' && after.some((p, i) => p >= kernel[i]!)) return [plain];
  const padded = (from: readonly number[], to: readonly number[]): Node => {
    const rest = without(plain, 'auto_pad', 'ceil_mode');
    return { ...rest, attributes: { ...rest.attributes, pads: ints([...from, ...to]) } };
  };
  const counts = averages && c.opset >= 19 && intAttribute(n, 'count_include_pad', 0) === 1;
  if (!counts || !up) return [padded(before, after)];
  // Since set 19 what lies beyond the pads that are given is not counted, though these are.
  const given = after.map((p, i) => Math.min(p, pads[spatial.length + i]!));
  const wide = c.fresh(`${n.outputs[0]}.padded`);
  const to = c.constant(`${wide}.pads`, int64s([0, 0, ...before, 0, 0, ...given]));
  const none = before.map(() => 0);
  const pool = padded(
    none,
    after.map((p, i) => p - given[i]!),
  );
  return [node('Pad', [n.inputs[0]!, to], [wide]), { ...without(pool, 'count_include_pad'), inputs: [wide] }];
}
