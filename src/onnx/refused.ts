import { LichenError } from '../errors.js';
import type { Node } from './model.js';

/** The error for a node that cannot be rewritten without changing what it means. */
export const refused = (n: Node, why: string) =>
  new LichenError('onnx-invalid', `node '${n.name}' (${n.op}): ${why}`);
