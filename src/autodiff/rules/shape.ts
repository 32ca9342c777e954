import { int, intAttribute, ints, intsAttribute, string, stringAttribute } from '../../onnx/model.js';
import { partsOf } from '../../onnx/shapes.js';
import { filled, type Rule, reshape, sumTo } from '../rule.js';

/** Any operator that only renames positions: the gradient takes the input's shape. */
const reshaped: Rule = ({ x, dy, b }) => [reshape(b, dy, b.shape(x[0]!))];

/** Rules of operators that only move elements. */
export const shape: Record<string, Rule> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Expand: ({ x, dy, b }) => [sumTo(b, dy, b.shape(x[0]!))],
  Transpose: ({ node, x, dy, b }) => {
    const rank = b.shape(x[0]!).length;
    const perm = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return [b.op('Transpose', [dy], { perm: ints(perm.map((_, i) => perm.indexOf(i))) })];
  },
  Concat: ({ node, x, dy, b, wants }) => {
    const rank = b.shape(dy).length;
    const given = intAttribute(node, 'axis', 0);
    const axis = given < 0 ? given + rank : given;
    let at = 0;
    return x.map((name, i) => {
      const from = at;
      at += b.shape(name)[axis]!;
      return wants(i) ? b.op('Slice', [dy, b.ints(from), b.ints(at), b.ints(axis)]) : undefined;
    });
  },
  // Parts that the loss does not depend on get zeros.
  Split: ({ node, x, dys, b }) => {
    const shape = b.shape(x[0]!);
    const { axis, sizes } = partsOf(node, b);
    const parts = sizes.map(
      (size, i) =>
        dys[i] ??
        filled(
          b,
          0,
          shape.map((d, k) => (k === axis ? size : d)),
        ),
    );
    return [b.op('Concat', parts, { axis: int(axis) })];
  },
  DepthToSpace: ({ node, dy, b }) => {
    const block = intAttribute(node, 'blocksize', 1);
    const mode = stringAttribute(node, 'mode', 'DCR');
    return [mode === 'DCR' ? b.op('SpaceToDepth', [dy], { blocksize: int(block) }) : blocks(b, dy, block)];
  },
  SpaceToDepth: ({ node, dy, b }) => {
    const block = intAttribute(node, 'blocksize', 1);
    return [b.op('DepthToSpace', [dy], { blocksize: int(block), mode: string('DCR') })];
  },
};

/** Undoes a DepthToSpace whose blocks lie within a channel (mode CRD). */
function blocks(b: Parameters<Rule>[0]['b'], dy: string, block: number): string {
  const [n, channels, height, width] = b.shape(dy) as [number, number, number, number];
  const apart = reshape(b, dy, [n, channels, height / block, block, width / block, block]);
  const moved = b.op('Transpose', [apart], { perm: ints([0, 1, 3, 5, 2, 4]) });
  return reshape(b, moved, [n, channels * block ** 2, height / block, width / block]);
}
