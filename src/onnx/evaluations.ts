import {
  type ConstantTensor,
  ElementType,
  floatAttribute,
  intAttribute,
  intsAttribute,
  type Node,
  sizeOf,
  type TensorData,
} from './model.js';
import { partsOf, reducedAxes, sliceOf } from './shapes.js';

/** Computes a node's outputs from its inputs' values and the shapes of its outputs. */
export type Evaluation = (n: Node, x: ConstantTensor[], shapes: number[][]) => ConstantTensor[];

/** A tensor's values as numbers. */
export const numbersOf = (t: ConstantTensor): number[] => Array.from<number | bigint, number>(t.data, Number);

/** A tensor of an element type from numbers. */
export function like(type: ElementType, values: readonly number[], dims: readonly number[]): ConstantTensor {
  const largest = 2n ** 63n - 1n;
  const whole = () =>
    BigInt64Array.from(values, (v) => (v >= Number(largest) ? largest : BigInt(Math.trunc(v))));
  const make: Partial<Record<ElementType, () => TensorData>> = {
    [ElementType.float]: () => Float32Array.from(values),
    [ElementType.double]: () => Float64Array.from(values),
    [ElementType.int64]: whole,
    [ElementType.int32]: () => Int32Array.from(values),
    [ElementType.bool]: () => Uint8Array.from(values, (v) => (v ? 1 : 0)),
    [ElementType.uint8]: () => Uint8Array.from(values),
    [ElementType.int8]: () => Int8Array.from(values),
  };
  const data = make[type];
  if (!data) throw new RangeError(`element type ${type} cannot be computed with`);
  return { type, dims: [...dims], data: data() };
}

/** A tensor whose element `k` is the element `at[k]` of another. */
function picked(t: ConstantTensor, at: ArrayLike<number>, dims: readonly number[]): ConstantTensor {
  const data = t.data.slice(0, 0).constructor as new (n: number) => TensorData;
  const to = new data(at.length);
  for (let k = 0; k < at.length; k++) {
    const value = t.data[at[k]!];
    if (value === undefined)
      throw new RangeError(`a constant of ${t.data.length} elements has none at ${at[k]}`);
    to[k] = value;
  }
  return { type: t.type, dims: [...dims], data: to };
}

const stridesOf = (dims: readonly number[]) => dims.map((_, i) => sizeOf(dims.slice(i + 1)));

/** For each element of a tensor of shape `dims` the sum over its coordinates, each mapped by `of`. */
function places(dims: readonly number[], of: (axis: number, at: number) => number): number[] {
  return dims.reduce<number[]>(
    (all, d, axis) => all.flatMap((sum) => Array.from({ length: d }, (_, at) => sum + of(axis, at))),
    [0],
  );
}

/** Where each element of the broadcast shape comes from. */
function spread(from: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(from);
  const offset = to.length - from.length;
  return places(to, (axis, at) => {
    const own = axis - offset;
    return own < 0 || from[own] === 1 ? 0 : at * strides[own]!;
  });
}

const reshaped: Evaluation = (_, [x], [to]) => [{ ...x!, dims: to! }];

/** A broadcasting operator of two inputs, or of any number where it can be applied again to what it gives. */
const broadcasting =
  (f: (a: number, b: number) => number, type?: ElementType): Evaluation =>
  (_, x, [to]) => {
    const all = x.map((t) => numbersOf(picked(t, spread(t.dims, to!), to!)));
    const values = all.reduce((a, b) => a.map((v, i) => f(v, b[i]!)));
    return [like(type ?? x[0]!.type, values, to!)];
  };

const unary =
  (f: (v: number) => number): Evaluation =>
  (_, [x]) => [like(x!.type, numbersOf(x!).map(f), x!.dims)];

const reduced =
  (start: number, f: (sum: number, v: number) => number): Evaluation =>
  (n, x, [to]) => {
    const dims = x[0]!.dims;
    const axes = reducedAxes(n, {
      shape: () => dims,
      integers: () => (x[1] ? numbersOf(x[1]) : undefined),
      numbers: () => undefined,
    });
    const strides = stridesOf(dims.map((d, i) => (axes.includes(i) ? 1 : d)));
    const target = places(dims, (axis, at) => (axes.includes(axis) ? 0 : at * strides[axis]!));
    const sums = Array<number>(sizeOf(to!)).fill(start);
    numbersOf(x[0]!).forEach((v, i) => {
      sums[target[i]!] = f(sums[target[i]!]!, v);
    });
    return [like(x[0]!.type, sums, to!)];
  };

/** The parts of a tensor along an axis, each from an offset on. */
function sections(t: ConstantTensor, axis: number, sizes: readonly number[]): ConstantTensor[] {
  const strides = stridesOf(t.dims);
  let from = 0;
  return sizes.map((size) => {
    const dims = t.dims.map((d, i) => (i === axis ? size : d));
    const start = from;
    from += size;
    return picked(
      t,
      places(dims, (a, at) => (at + (a === axis ? start : 0)) * strides[a]!),
      dims,
    );
  });
}

/** The mean of the values of each group. */
function averages(values: readonly number[], group: readonly number[], groups: number): number[] {
  const sums = Array<number>(groups).fill(0);
  values.forEach((v, i) => {
    sums[group[i]!]! += v;
  });
  return sums.map((s) => (s * groups) / values.length);
}

const axisIn = (n: Node, rank: number, fallback = 0) => {
  const axis = intAttribute(n, 'axis', fallback);
  return axis < 0 ? axis + rank : axis;
};

const divide = (t: ConstantTensor, a: number, b: number) =>
  t.type === ElementType.float || t.type === ElementType.double ? a / b : Math.trunc(a / b);

/** Evaluations by operator. */
export const evaluations: Readonly<Record<string, Evaluation>> = {
  Identity: reshaped,
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Cast: (n, [x]) => [like(intAttribute(n, 'to', ElementType.float) as ElementType, numbersOf(x!), x!.dims)],
  Transpose: (n, [x], [to]) => {
    const perm = intsAttribute(n, 'perm') ?? to!.map((_, i) => to!.length - 1 - i);
    const strides = stridesOf(x!.dims);
    return [
      picked(
        x!,
        places(to!, (axis, at) => at * strides[perm[axis]!]!),
        to!,
      ),
    ];
  },
  Expand: (_, [x], [to]) => [picked(x!, spread(x!.dims, to!), to!)],
  Gather: (n, [x, indices], [to]) => {
    const axis = axisIn(n, x!.dims.length);
    const strides = stridesOf(x!.dims);
    const inner = strides[axis]!;
    const chosen = numbersOf(indices!).map((i) => (i < 0 ? i + x!.dims[axis]! : i));
    const outer = sizeOf(x!.dims.slice(0, axis));
    const at: number[] = [];
    for (let o = 0; o < outer; o++) {
      for (const i of chosen) for (let k = 0; k < inner; k++) at.push((o * x!.dims[axis]! + i) * inner + k);
    }
    return [picked(x!, at, to!)];
  },
  Slice: (n, x, [to]) => {
    const { start, step } = sliceOf(n, {
      shape: () => x[0]!.dims,
      integers: (name) => numbersOf(x[n.inputs.indexOf(name)]!),
      numbers: () => undefined,
    });
    const strides = stridesOf(x[0]!.dims);
    return [
      picked(
        x[0]!,
        places(to!, (axis, at) => (start[axis]! + at * step[axis]!) * strides[axis]!),
        to!,
      ),
    ];
  },
  Split: (n, x) => {
    const { axis, sizes } = partsOf(n, {
      shape: () => x[0]!.dims,
      integers: () => (x[1] ? numbersOf(x[1]) : undefined),
      numbers: () => undefined,
    });
    return sections(x[0]!, axis, sizes);
  },
  Concat: (n, x, [to]) => {
    const axis = axisIn(n, to!.length);
    const strides = stridesOf(to!);
    const out = Array<number>(sizeOf(to!));
    let from = 0;
    for (const t of x) {
      const start = from;
      from += t.dims[axis]!;
      const at = places(t.dims, (a, k) => (k + (a === axis ? start : 0)) * strides[a]!);
      numbersOf(t).forEach((v, i) => {
        out[at[i]!] = v;
      });
    }
    return [like(x[0]!.type, out, to!)];
  },
  ConstantOfShape: (n, _, [to]) => {
    const given = n.attributes.value;
    const value = given?.kind === 'tensor' ? given.value : like(ElementType.float, [0], [1]);
    return [picked(value, new Uint8Array(sizeOf(to!)), to!)];
  },
  Range: (_, [start, , delta], [to]) => {
    const [from, by] = [numbersOf(start!)[0]!, numbersOf(delta!)[0]!];
    return [
      like(
        start!.type,
        Array.from({ length: to![0]! }, (_, i) => from + i * by),
        to!,
      ),
    ];
  },
  Where: (_, [when, p, q], [to]) => {
    const [c, a, b] = [when!, p!, q!].map((t) => numbersOf(picked(t, spread(t.dims, to!), to!)));
    return [
      like(
        p!.type,
        c!.map((v, i) => (v ? a![i]! : b![i]!)),
        to!,
      ),
    ];
  },
  // Standardized weights are exported as a normalization of constants, by their own statistics or by constants.
  BatchNormalization: (n, [x, ...parameters]) => {
    const values = numbersOf(x!);
    const [scale, shift, given, variance] = parameters.map(numbersOf);
    if (parameters.some((p) => p.data.length !== x!.dims[1]))
      throw new RangeError('its statistics do not fit');
    const inner = sizeOf(x!.dims.slice(2));
    const channel = values.map((_, i) => Math.floor(i / inner) % x!.dims[1]!);
    const training = intAttribute(n, 'training_mode', 0) === 1;
    const means = training ? averages(values, channel, x!.dims[1]!) : given!;
    const centered = values.map((v, i) => v - means[channel[i]!]!);
    const squares = centered.map((v) => v * v);
    const variances = training ? averages(squares, channel, x!.dims[1]!) : variance!;
    const epsilon = floatAttribute(n, 'epsilon', 1e-5);
    const factors = scale!.map((s, c) => s / Math.sqrt(variances[c]! + epsilon));
    return [
      like(
        x!.type,
        centered.map((v, i) => v * factors[channel[i]!]! + shift![channel[i]!]!),
        x!.dims,
      ),
    ];
  },
  Add: broadcasting((a, b) => a + b),
  Sub: broadcasting((a, b) => a - b),
  Mul: broadcasting((a, b) => a * b),
  Div: (n, x, shapes) => broadcasting((a, b) => divide(x[0]!, a, b))(n, x, shapes),
  Pow: broadcasting((a, b) => a ** b),
  // The sign is the divisor's, as in Python; with fmod it is the dividend's.
  Mod: (n, x, shapes) =>
    broadcasting((a, b) => (intAttribute(n, 'fmod', 0) ? a % b : a - b * Math.floor(a / b)))(n, x, shapes),
  Max: broadcasting((a, b) => Math.max(a, b)),
  Min: broadcasting((a, b) => Math.min(a, b)),
  Equal: broadcasting((a, b) => Number(a === b), ElementType.bool),
  Greater: broadcasting((a, b) => Number(a > b), ElementType.bool),
  GreaterOrEqual: broadcasting((a, b) => Number(a >= b), ElementType.bool),
  Less: broadcasting((a, b) => Number(a < b), ElementType.bool),
  LessOrEqual: broadcasting((a, b) => Number(a <= b), ElementType.bool),
  And: broadcasting((a, b) => a && b, ElementType.bool),
  Or: broadcasting((a, b) => a || b, ElementType.bool),
  Not: unary((v) => Number(!v)),
  Neg: unary((v) => -v),
  Abs: unary(Math.abs),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Reciprocal: unary((v) => 1 / v),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  ReduceSum: reduced(0, (a, b) => a + b),
  ReduceMean: (n, x, shapes) => {
    const [sum] = reduced(0, (a, b) => a + b)(n, x, shapes) as [ConstantTensor];
    const count = x[0]!.data.length / sum.data.length;
    return [
      like(
        sum.type,
        numbersOf(sum).map((v) => v / count),
        sum.dims,
      ),
    ];
  },
  ReduceProd: reduced(1, (a, b) => a * b),
  ReduceMax: reduced(Number.NEGATIVE_INFINITY, (a, b) => Math.max(a, b)),
  ReduceMin: reduced(Number.POSITIVE_INFINITY, (a, b) => Math.min(a, b)),
};
