import { type ConstantTensor, floats, int64s, type Node } from './model.js';

/**
 * The tensor of a Constant node; undefined for other nodes, and for constants that are texts.
 * @throws Error for a Constant node without a value
 */
export function constantOf(n: Node): ConstantTensor | undefined {
  if (n.op !== 'Constant' || n.domain !== '') return undefined;
  const given = Object.values(n.attributes)[0];
  switch (given?.kind) {
    case 'tensor':
      return given.value;
    case 'float':
      return floats([given.value], []);
    case 'floats':
      return floats(given.value, [given.value.length]);
    case 'int':
      return { ...int64s([given.value]), dims: [] };
    case 'ints':
      return int64s(given.value);
    case undefined:
      throw new Error(`node '${n.name}' (Constant) has no value`);
    default:
      return undefined;
  }
}
