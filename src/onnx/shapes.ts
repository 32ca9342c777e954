import { LichenError } from '../errors.js';
import type { Node } from './model.js';
import type { ShapeContext, ShapeRule } from './shapes/context.js';
import { elementwise } from './shapes/elementwise.js';
import { matmul } from './shapes/matmul.js';
import { move } from './shapes/move.js';
import { reduce } from './shapes/reduce.js';
import { resize } from './shapes/resize.js';
import { window } from './shapes/window.js';

export { broadcast, reducedAxes, type ShapeContext } from './shapes/context.js';
export { padsOf, partsOf, sliceOf } from './shapes/move.js';
export { resizeOf } from './shapes/resize.js';
export { transposedWindowOf, type Window, windowOf } from './shapes/window.js';

const rules: Readonly<Record<string, ShapeRule>> = {
  ...elementwise,
  ...matmul,
  ...move,
  ...reduce,
  ...resize,
  ...window,
};

/** Operators that only graphs built here have, of the set `lichen`; the standard has none of these names. */
export const INNER_OPERATORS: ReadonlySet<string> = new Set(['Binarize', 'Choose', 'FirstMax', 'PatchGemm']);

const standardOperators = Object.keys(rules)
  .filter((op) => !INNER_OPERATORS.has(op))
  .sort();

/** An operator as messages name it: with its set, where that is not the standard's. */
export const operatorName = ({ op, domain }: Pick<Node, 'op' | 'domain'>) =>
  domain && domain !== 'lichen' ? `${domain}::${op}` : op;

/**
 * The static shapes of a node's outputs.
 * @throws LichenError `onnx-shape`, naming operator and node
 */
export function inferShapes(n: Node, c: ShapeContext): number[][] {
  const name = operatorName(n);
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (!rule) {
    throw new LichenError(
      'onnx-shape',
      `the shape of operator ${name} (node '${n.name}') cannot be inferred; supported: ${standardOperators.join(', ')}. ` +
        'Cut the network after it.',
    );
  }
  try {
    return rule(n, c);
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw new LichenError('onnx-shape', `node '${n.name}' (${n.op}): ${(error as Error).message}`, {
      cause: error,
    });
  }
}
