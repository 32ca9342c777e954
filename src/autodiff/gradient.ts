import { LichenError } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { ElementType, intAttribute, type Node } from '../onnx/model.js';
import { replacedOperators } from '../onnx/normalize.js';
import { INNER_OPERATORS, operatorName } from '../onnx/shapes.js';
import { add, type Rule, type RuleContext } from './rule.js';
import { activation } from './rules/activation.js';
import { conv } from './rules/conv.js';
import { elementwise } from './rules/elementwise.js';
import { matmul } from './rules/matmul.js';
import { normalization } from './rules/normalization.js';
import { patches } from './rules/patches.js';
import { pool } from './rules/pool.js';
import { reduce } from './rules/reduce.js';
import { resample } from './rules/resample.js';
import { shape } from './rules/shape.js';

/** Operators whose outputs are all differentiated; of any other it is the first. */
const ALL_OUTPUTS = new Set(['Split']);

/** Every gradient rule, by operator. */
export const gradientRules: Readonly<Record<string, Rule>> = {
  ...activation,
  ...conv,
  ...elementwise,
  ...matmul,
  ...normalization,
  ...patches,
  ...pool,
  ...reduce,
  ...resample,
  ...shape,
};

/** The operators that a crown may have in its file: those with a rule, and those that are rewritten into such. */
export const trainableOperators: readonly string[] = [
  ...Object.keys(gradientRules).filter((op) => !INNER_OPERATORS.has(op)),
  ...replacedOperators,
].sort();

/** Operators that give truth values, positions or sizes. */
const PASSIVE = new Set([
  ...['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'Not', 'And', 'Or', 'Xor'],
  ...['IsNaN', 'IsInf', 'ArgMax', 'ArgMin', 'NonZero', 'Shape', 'Size', 'ConstantOfShape', 'Range'],
]);
const FLOATS: readonly number[] = [ElementType.float, ElementType.double, ElementType.float16];

/** Whether a node's outputs are no function of its inputs that could have a slope: no gradient is missed there. */
const isPassive = (n: Node) =>
  PASSIVE.has(operatorName(n)) || (n.op === 'Cast' && !FLOATS.includes(intAttribute(n, 'to', 0)));

/** Whether training can pass through a node: it has a rule, or needs none. */
export const isTrainable = (n: Node): boolean =>
  isPassive(n) || Object.hasOwn(gradientRules, operatorName(n));

/**
 * Adds the nodes that compute d(loss)/d(target) for each target, by reverse-mode differentiation.
 * @param loss a scalar tensor of the graph
 * @param targets inputs or inner tensors of the graph
 * @returns for each target the name of its gradient, of the target's shape
 * @throws LichenError `gradient-unsupported` for an operator without a rule, or in a form that the rule refuses, `gradient-none` for a target that
 *   the loss does not depend on
 */
export function gradients(b: GraphBuilder, loss: string, targets: readonly string[]): Map<string, string> {
  return pulledBack(b, new Map([[loss, b.scalar(1)]]), targets);
}

/**
 * Adds the nodes that carry gradients of a loss back from the tensors where they are known.
 * @param known for some tensors of the graph the gradient of a loss that depends on the targets through them alone
 * @throws LichenError as `gradients` does
 */
export function pulledBack(
  b: GraphBuilder,
  known: ReadonlyMap<string, string>,
  targets: readonly string[],
): Map<string, string> {
  const nodes = [...b.nodes];
  const active = new Set(targets);
  for (const n of nodes) {
    if (isPassive(n) || !n.inputs.some((i) => active.has(i))) continue;
    for (const o of n.outputs) if (o) active.add(o);
  }
  const found = new Map(known);
  for (const n of nodes.reverse()) {
    const dys = n.outputs.map((o) => found.get(o));
    const dy = dys.find((d) => d !== undefined);
    if (dy === undefined || !n.outputs.some((o) => active.has(o))) continue;
    const op = operatorName(n);
    const rule = Object.hasOwn(gradientRules, op) ? gradientRules[op] : undefined;
    if (!rule) {
      throw new LichenError(
        'gradient-unsupported',
        `operator ${op} (node '${n.name}') has no gradient rule, so what lies before it cannot be trained; ` +
          `supported: ${trainableOperators.join(', ')}. Cut the network after it.`,
      );
    }
    const wants = (i: number) => active.has(n.inputs[i] ?? '');
    applied(rule, { node: n, x: n.inputs, y: n.outputs[0]!, dy, dys, b, wants }).forEach((dx, i) => {
      const x = n.inputs[i];
      if (!x || !dx || !wants(i)) return;
      const before = found.get(x);
      found.set(x, before ? add(b, before, dx) : dx);
    });
  }
  return new Map(
    targets.map((t) => {
      const g = found.get(t);
      if (!g) throw new LichenError('gradient-none', `the loss does not depend on '${t}'`);
      return [t, g];
    }),
  );
}

/** A rule's gradients; what a rule refuses is said with the node that it is about. */
function applied(rule: Rule, context: RuleContext): (string | undefined)[] {
  const { dys, node } = context;
  try {
    if (!ALL_OUTPUTS.has(node.op) && dys.some((d, i) => i > 0 && d !== undefined)) {
      throw new RangeError('the loss depends on another output than its first, which has no gradient here');
    }
    return rule(context);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { name, op } = node;
    throw new LichenError(
      'gradient-unsupported',
      `node '${name}' (${op}): ${error.message}. Cut the network after it.`,
      {
        cause: error,
      },
    );
  }
}
