import { floats, int, intAttribute, intsAttribute, sizeOf, string } from '../../onnx/model.js';
import { type Window, windowOf } from '../../onnx/shapes.js';
import { mul, type Rule, reshape, scale } from '../rule.js';
import { transposedConv } from './conv.js';
import { toLargest } from './reduce.js';

export const pool: Record<string, Rule> = {
  // The forward node is asked for the positions of the maxima; dy is added there.
  MaxPool: ({ node, x, dy, b }) => {
    if (intAttribute(node, 'storage_order', 0) === 1) {
      throw new RangeError('a MaxPool with positions in column-major order has no gradient here');
    }
    const shape = b.shape(x[0]!);
    const indices = b.extraOutput(node, 1);
    const flat = [sizeOf(b.shape(dy))];
    const zeros = b.op('Expand', [b.scalar(0), b.ints(sizeOf(shape))]);
    const scattered = b.op('ScatterElements', [zeros, reshape(b, indices, flat), reshape(b, dy, flat)], {
      axis: int(0),
      reduction: string('add'),
    });
    return [reshape(b, scattered, shape)];
  },
  AveragePool: ({ node, x, dy, b }) => {
    const [, channels, ...spatial] = b.shape(x[0]!) as [number, number, ...number[]];
    const window = windowOf(node, spatial, intsAttribute(node, 'kernel_shape') ?? []);
    const counts = countsOf(window, spatial, intAttribute(node, 'count_include_pad', 0) === 1);
    const share = mul(
      b,
      dy,
      b.constant(
        floats(
          counts.map((c) => 1 / c),
          [1, 1, ...window.output],
        ),
      ),
    );
    const ones = new Float32Array(channels * sizeOf(window.kernel)).fill(1);
    const kernel = b.constant(floats(ones, [channels, 1, ...window.kernel]));
    return [transposedConv(b, share, kernel, spatial, window, channels)];
  },
  GlobalAveragePool: ({ x, dy, b }) => {
    const shape = b.shape(x[0]!);
    return [b.op('Expand', [scale(b, dy, 1 / sizeOf(shape.slice(2))), b.ints(...shape)])];
  },
  GlobalMaxPool: ({ x, y, dy, b }) => {
    const spatial = b.shape(y).flatMap((_, i) => (i < 2 ? [] : [i]));
    return [toLargest(b, x[0]!, y, dy, spatial)];
  },
};

/**
 * How many elements each output position averages over. With pads counted it is the whole kernel everywhere,
 * also where it reaches beyond the pads: this operator set's kernels have it so.
 */
function countsOf(w: Window, spatial: readonly number[], includePad: boolean): number[] {
  const perAxis = spatial.map((size, i) =>
    Array.from({ length: w.output[i]! }, (_, o) => {
      if (includePad) return w.kernel[i]!;
      let count = 0;
      for (let k = 0; k < w.kernel[i]!; k++) {
        const at = o * w.strides[i]! - w.pads[i]! + k;
        if (at >= 0 && at < size) count++;
      }
      return count;
    }),
  );
  return perAxis.reduce((all, axis) => all.flatMap((a) => axis.map((c) => a * c)), [1]);
}
