import { LichenError } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { add, type Rule, type RuleContext } from './rule.js';
import { conv } from './rules/conv.js';
import { elementwise } from './rules/elementwise.js';
import { matmul } from './rules/matmul.js';
import { pool } from './rules/pool.js';
import { reduce } from './rules/reduce.js';
import { shape } from './rules/shape.js';

/** Every gradient rule, by operator. */
export const gradientRules: Readonly<Record<string, Rule>> = {
  ...conv,
  ...elementwise,
  ...matmul,
  ...pool,
  ...reduce,
  ...shape,
};

/**
 * Adds the nodes that compute d(loss)/d(target) for each target, by reverse-mode differentiation.
 * @param loss a scalar tensor of the graph
 * @param targets inputs or inner tensors of the graph
 * @returns for each target the name of its gradient, of the target's shape
 * @throws LichenError `gradient-unsupported` for an operator without a rule, or in a form that the rule refuses, `gradient-none` for a target that
 *   the loss does not depend on
 */
export function gradients(b: GraphBuilder, loss: string, targets: readonly string[]): Map<string, string> {
  const nodes = [...b.nodes];
  const active = new Set(targets);
  for (const n of nodes) if (n.inputs.some((i) => active.has(i))) for (const o of n.outputs) active.add(o);
  const found = new Map<string, string>([[loss, b.scalar(1)]]);
  for (const n of nodes.reverse()) {
    const y = n.outputs[0]!;
    const dy = found.get(y);
    if (dy === undefined || !active.has(y)) continue;
    const rule = Object.hasOwn(gradientRules, n.op) ? gradientRules[n.op] : undefined;
    if (!rule) {
      throw new LichenError(
        'gradient-unsupported',
        `operator ${n.op} (node '${n.name}') has no gradient rule, so what lies before it cannot be trained; ` +
          `supported: ${Object.keys(gradientRules).sort().join(', ')}. Cut the network after it.`,
      );
    }
    const wants = (i: number) => active.has(n.inputs[i] ?? '');
    applied(rule, { node: n, x: n.inputs, y, dy, b, wants }).forEach((dx, i) => {
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
  try {
    return rule(context);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { name, op } = context.node;
    throw new LichenError(
      'gradient-unsupported',
      `node '${name}' (${op}): ${error.message}. Cut the network after it.`,
      {
        cause: error,
      },
    );
  }
}
