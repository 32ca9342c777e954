import { intAttribute, type Node } from '../model.js';
import { axisOf, constants, input, reducedAxes, type ShapeContext, type ShapeRule, same } from './context.js';

const without = (n: Node, c: ShapeContext, axes: readonly number[]) => {
  const keep = intAttribute(n, 'keepdims', 1) === 1;
  return [input(n, c, 0).flatMap((d, i) => (axes.includes(i) ? (keep ? [1] : []) : [d]))];
};

const reduced: ShapeRule = (n, c) => without(n, c, reducedAxes(n, c));
const position: ShapeRule = (n, c) => without(n, c, [axisOf(n, input(n, c, 0).length, 0)]);

/** The normalized tensor, then statistics that have ones where it was normalized. */
const layer: ShapeRule = (n, c) => {
  const x = input(n, c, 0);
  const axis = axisOf(n, x.length, -1);
  return [[...x], ...n.outputs.slice(1).map(() => x.map((d, i) => (i < axis ? d : 1)))];
};

/** Shapes of operators that sum up or normalize. */
export const reduce: Record<string, ShapeRule> = {
  ReduceSum: reduced,
  ReduceMean: reduced,
  ReduceMax: reduced,
  ReduceMin: reduced,
  ReduceProd: reduced,
  ReduceL1: reduced,
  ReduceL2: reduced,
  ReduceSumSquare: reduced,
  ReduceLogSum: reduced,
  ReduceLogSumExp: reduced,
  // Only differentiation knows it: the maximum over the second of three axes (see autodiff/patches.ts).
  FirstMax: (n, c) => [input(n, c, 0).map((d, i) => (i === 1 ? 1 : d))],
  ArgMax: position,
  ArgMin: position,
  TopK: (n, c) => {
    const x = input(n, c, 0);
    const axis = axisOf(n, x.length, -1);
    const shape = x.map((d, i) => (i === axis ? constants(n, c, 1)[0]! : d));
    return n.outputs.map(() => [...shape]);
  },
  CumSum: same,
  Softmax: same,
  LogSoftmax: same,
  Hardmax: same,
  LpNormalization: same,
  LRN: same,
  BatchNormalization: (n, c) => [[...input(n, c, 0)]],
  InstanceNormalization: same,
  GroupNormalization: same,
  LayerNormalization: layer,
};
