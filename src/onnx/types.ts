import { ElementType, type Graph, intAttribute, type Node } from './model.js';

const T = ElementType;
type Known = ElementType | undefined;
/** The types of a node's outputs, by those of its inputs. */
type TypeRule = (n: Node, inputs: Known[]) => Known[];

const always =
  (type: ElementType): TypeRule =>
  () => [type];
const ofInput =
  (i: number): TypeRule =>
  (_, inputs) => [inputs[i]];

const RULES: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ['Cast', (n) => [intAttribute(n, 'to', 0) as ElementType]],
  ['CastLike', ofInput(1)],
  ['QuantizeLinear', (n, i) => [(intAttribute(n, 'output_dtype', 0) as ElementType) || (i[2] ?? T.uint8)]],
  ['DequantizeLinear', (n, i) => [(intAttribute(n, 'output_dtype', 0) as ElementType) || i[1]]],
  ['DynamicQuantizeLinear', () => [T.uint8, T.float, T.uint8]],
  ['QLinearConv', ofInput(7)],
  ['QLinearMatMul', ofInput(7)],
  ['ConvInteger', always(T.int32)],
  ['MatMulInteger', always(T.int32)],
  [
    'ConstantOfShape',
    (n) => [n.attributes.value?.kind === 'tensor' ? n.attributes.value.value.type : T.float],
  ],
  ['Where', ofInput(1)],
  ['OneHot', ofInput(2)],
  ['MaxPool', (_, i) => [i[0], T.int64]],
  ['TopK', (_, i) => [i[0], T.int64]],
  ['Dropout', (_, i) => [i[0], T.bool]],
  ...['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero'].map((op) => [op, always(T.int64)] as const),
  ...[
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'Less',
    'LessOrEqual',
    'Not',
    'And',
    'Or',
    'Xor',
    'IsNaN',
    'IsInf',
  ].map((op) => [op, always(T.bool)] as const),
]);

/** Operators of other sets that mean what the standard's of the same name do. */
const CONTRIBUTED = new Set(['QuantizeLinear', 'DequantizeLinear', 'Gelu', 'QuickGelu', 'FusedConv']);

/**
 * Says which element type a tensor of a graph has; undefined where the operators that lead to it are of other
 * operator sets. The graph must be in order.
 */
export function typesOf(graph: Graph): (name: string) => ElementType | undefined {
  const known = new Map<string, Known>();
  for (const i of graph.inputs) known.set(i.name, i.type);
  for (const [name, t] of graph.initializers) known.set(name, t.type);
  for (const n of graph.nodes) {
    const inputs = n.inputs.map((i) => known.get(i));
    const same: TypeRule = (_, types) => n.outputs.map(() => types[0]);
    const rule = RULES.get(n.op) ?? same;
    const types = n.domain === '' || CONTRIBUTED.has(n.op) ? rule(n, inputs) : [];
    n.outputs.forEach((o, i) => {
      if (o) known.set(o, types[i]);
    });
  }
  return (name) => known.get(name);
}

/** The types of real numbers that are computed with. */
export const FLOATING: ReadonlySet<ElementType> = new Set([T.float, T.float16, T.double, T.bfloat16]);

/** A type's name, for messages. */
export function typeName(type: ElementType): string {
  return Object.entries(ElementType).find(([, number]) => number === type)?.[0] ?? `type ${type}`;
}
