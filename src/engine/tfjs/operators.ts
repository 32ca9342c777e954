import { LichenError } from '../../errors.js';
import { type Graph, intAttribute, type Node, stringAttribute } from '../../onnx/model.js';
import type { Operator } from './call.js';
import * as conv from './operators/conv.js';
import * as elementwise from './operators/elementwise.js';
import * as matmul from './operators/matmul.js';
import * as normalization from './operators/normalization.js';
import * as pool from './operators/pool.js';
import * as reduce from './operators/reduce.js';
import { Resize } from './operators/resize.js';
import { Gather, Pad, ScatterElements, Slice } from './operators/select.js';
import * as shape from './operators/shape.js';

/** Every operator that the TensorFlow.js engine has, by the standard's name. */
export const operators: Readonly<Record<string, Operator>> = {
  ...conv,
  ...elementwise,
  ...matmul,
  ...normalization,
  ...pool,
  ...reduce,
  ...shape,
  ...{ Gather, Pad, Resize, ScatterElements, Slice },
};

/** Forms of operators that it lacks: what is wrong with a node, if anything. */
const limits: Record<string, (n: Node) => string | undefined> = {
  ConvTranspose: (n) =>
    stringAttribute(n, 'auto_pad', 'NOTSET') !== 'NOTSET' || n.attributes.output_shape
      ? 'only explicit pads are supported'
      : undefined,
  AveragePool: (n) =>
    n.attributes.dilations?.kind === 'ints' && n.attributes.dilations.value.some((d) => d !== 1)
      ? 'dilations are not supported'
      : undefined,
  MaxPool: (n) =>
    intAttribute(n, 'storage_order', 0) === 1 ? 'only row-major positions are supported' : undefined,
  ScatterElements: (n) =>
    ['none', 'add'].includes(stringAttribute(n, 'reduction', 'none'))
      ? undefined
      : 'only the reductions none and add are supported',
  Resize: (n) =>
    ['nearest', 'linear'].includes(stringAttribute(n, 'mode', 'nearest'))
      ? undefined
      : 'only the modes nearest and linear are supported',
};

/** Whether there is an operator for a node. */
export const isSupported = (n: Node) => operatorFor(n) !== undefined;

const operatorFor = ({ op, domain }: Node) =>
  domain === '' && Object.hasOwn(operators, op) ? operators[op] : undefined;

/**
 * The operator of every node.
 * @throws LichenError `engine-compile`, naming operator and node, for one that there is not
 */
export function operatorsOf(graph: Graph): Operator[] {
  return graph.nodes.map((n) => {
    const operator = operatorFor(n);
    if (!operator) {
      const name = n.domain === '' ? n.op : `${n.domain}.${n.op}`;
      throw new LichenError(
        'engine-compile',
        `the TensorFlow.js engine has no operator ${name} (node '${n.name}'); supported: ` +
          `${Object.keys(operators).sort().join(', ')}. Use the engine ort, which has all of the standard's.`,
      );
    }
    const lacking = Object.hasOwn(limits, n.op) ? limits[n.op]!(n) : undefined;
    if (lacking) {
      throw new LichenError(
        'engine-compile',
        `the TensorFlow.js engine cannot run node '${n.name}' (${n.op}): ${lacking}. Use the engine ort.`,
      );
    }
    return operator;
  });
}
