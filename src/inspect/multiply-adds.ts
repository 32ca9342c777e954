import { intAttribute, type Node, sizeOf } from '../onnx/model.js';

/**
 * Multiply-adds of a node: of convolutions and matrix products, as papers count them; everything else, biases
 * too, counts as none. A floating point operation is one multiplication or one addition: two a multiply-add.
 * @param shape static shape of a tensor that the node reads or writes
 */
export function multiplyAdds(node: Node, shape: (name: string) => readonly number[]): number {
  const dims = (i: number) => shape(node.inputs[i]!);
  switch (node.op) {
    case 'Conv':
      return sizeOf(shape(node.outputs[0]!)) * sizeOf(dims(1).slice(1));
    case 'ConvTranspose':
      return sizeOf(dims(0)) * sizeOf(dims(1).slice(1));
    case 'Gemm':
      return sizeOf(shape(node.outputs[0]!)) * dims(0)[intAttribute(node, 'transA', 0) === 1 ? 0 : 1]!;
    case 'MatMul':
      return sizeOf(shape(node.outputs[0]!)) * dims(0).at(-1)!;
    default:
      return 0;
  }
}
