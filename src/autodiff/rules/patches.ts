import { int, int64s, ints, node, sizeOf } from '../../onnx/model.js';
import { STEEP } from '../gate.js';
import { picked } from '../patches.js';
import { alpha, beta, mul, type Rule, type RuleContext, reshape, sub, sum } from '../rule.js';
import { readersOf } from '../windows.js';

/** Patches of more bytes than this are made anew for the weight's gradient, and not kept from the layer until then. */
const KEPT_BYTES = 16 * 2 ** 20;

/** Rows for each of the numbers in a row that are many. */
const MANY_ROWS = 16;

/** Rules of the nodes that stand for convolutions and pools in products of patches; see `patched`. */
export const patches: Record<string, Rule> = {
  // Of patches, weight, rows and the places that the patches were picked from.
  PatchGemm: (c) => [
    undefined,
    c.wants(1) ? weightGradient(c) : undefined,
    c.wants(2) ? rowsGradient(c) : undefined,
  ],
  // The first of equal ones takes it all, as PyTorch and TensorFlow have it in pools.
  FirstMax: ({ x, y, dy, b }) => {
    const elements = b.shape(x[0]!)[1]!;
    if (elements === 1) return [dy];
    const each = Array.from({ length: elements }, () => b.fresh('element'));
    b.add(node('Split', [x[0]!], each, { axis: int(1) }));
    let rest = dy;
    const parts = each.slice(0, -1).map((element) => {
      const is = b.op('HardSigmoid', [sub(b, element, y)], { ...alpha(STEEP), ...beta(1) });
      const part = mul(b, rest, is);
      rest = sub(b, rest, part);
      return part;
    });
    return [b.op('Concat', [...parts, rest], { axis: int(1) })];
  },
};

/** The patches that a layer saw. */
function seen({ x, b }: RuleContext): string {
  const [patches, , rows, from] = x as [string, string, string, string];
  if (4 * sizeOf(b.shape(patches)) <= KEPT_BYTES) return patches;
  // By places of their own: the runtime would make one of two nodes that are alike.
  return reshape(b, picked(b, rows, b.constant(int64s(b.integers(from)!))), b.shape(patches));
}

/** The weight's gradient. */
function weightGradient(c: RuleContext): string {
  const { dy, b } = c;
  const patches = seen(c);
  const [rows, size] = b.shape(patches) as [number, number];
  if (rows < MANY_ROWS * size || rows % 2 === 1) return b.op('Gemm', [patches, dy], { transA: int(1) });
  // Few weights and many rows: by halves, so that the runtime has more than one product for its threads.
  const half = (name: string) => reshape(b, name, [2, rows / 2, b.shape(name)[1]!]);
  const turned = b.op('Transpose', [half(patches)], { perm: ints([0, 2, 1]) });
  return sum(b, b.op('MatMul', [turned, half(dy)]), [0]);
}

/** What comes back to each row: the gradients of all patches that have it, summed. */
function rowsGradient({ x, dy, b }: RuleContext): string {
  const [, weight, rows, from] = x as [string, string, string, string];
  const [batch, count, channels] = b.shape(rows) as [number, number, number];
  const outputs = b.shape(dy)[1]!;
  const elements = b.shape(weight)[0]! / channels;
  const windows = b.shape(dy)[0]! / batch;
  const { readers, most } = readersOf(b.integers(from)!, count, windows * elements);
  // One window more, of zeros, for rows that are read less often than others.
  const short = readers.includes(windows * elements);
  const apart = reshape(b, dy, [batch, windows, outputs]);
  const padded = short ? b.op('Pad', [apart, b.ints(0, 0, 0, 0, 1, 0)]) : apart;
  const all = batch * b.shape(padded)[1]!;
  const back = b.op('Gemm', [reshape(b, padded, [all, outputs]), weight], { transB: int(1) });
  const reads = reshape(b, back, [batch, (all / batch) * elements, channels]);
  const each = b.op('Gather', [reads, b.constant(int64s(readers))], { axis: int(1) });
  return sum(b, reshape(b, each, [batch, count, most, channels]), [2]);
}
