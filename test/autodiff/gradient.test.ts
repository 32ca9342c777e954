import { describe, it } from 'vitest';
import { type Attribute, float, floats, int, ints, sizeOf, string } from '../../src/onnx/model.js';
import { Random } from '../../src/random.js';
import { type Checked, checkGradient } from './numeric.js';

type Case = Checked & { op: string; what: string };
const cases: Case[] = [];
function check(op: string, what: string, c: Checked): void {
  cases.push({ op, what, ...c });
}

const unary = (op: string, options: Partial<Checked> = {}, attributes: Record<string, Attribute> = {}) =>
  check(op, 'of a matrix', { shapes: [[2, 3]], build: (b, [x]) => b.op(op, [x!], attributes), ...options });

for (const op of ['Sigmoid', 'Tanh', 'Exp', 'Erf', 'Neg', 'Identity']) unary(op);
for (const op of ['Log', 'Sqrt', 'Reciprocal']) unary(op, { low: 0.5, high: 3 });
unary('Relu', { kinks: [0] });
unary('Abs', { kinks: [0] });
unary('LeakyRelu', { kinks: [0] }, { alpha: float(0.2) });
unary('HardSigmoid', { low: -4, high: 4, kinks: [-2.5, 2.5] });
unary('HardSwish', { low: -5, high: 5, kinks: [-3, 3] });
unary('Dropout');
check('Clip', 'between two bounds (relu6)', {
  shapes: [[3, 4]],
  low: -4,
  high: 10,
  kinks: [0, 6],
  build: (b, [x]) => b.op('Clip', [x!, b.scalar(0), b.scalar(6)]),
});
check('Clip', 'with only a lower bound', {
  shapes: [[3, 4]],
  kinks: [-1],
  build: (b, [x]) => b.op('Clip', [x!, b.scalar(-1)]),
});
check('Clip', 'with only an upper bound', {
  shapes: [[3, 4]],
  kinks: [0.5],
  build: (b, [x]) => b.op('Clip', [x!, '', b.scalar(0.5)]),
});

const broadcasts: [number[], number[]][] = [
  [
    [2, 3],
    [2, 3],
  ],
  [
    [2, 3, 2],
    [3, 1],
  ],
  [[4], [2, 1]],
  [[], [2, 3]],
  [
    [2, 1, 3],
    [1, 4, 3],
  ],
];
for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Pow']) {
  for (const [p, q] of broadcasts) {
    check(op, `of [${p}] and [${q}]`, {
      shapes: [p, q],
      low: op === 'Div' || op === 'Pow' ? 0.6 : -2,
      high: 2,
      build: (b, x) => b.op(op, x),
    });
  }
}

for (const [transA, transB] of [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const) {
  check('Gemm', `transA ${transA} transB ${transB}`, {
    shapes: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4], [4]],
    build: (b, x) =>
      b.op('Gemm', x, { transA: int(transA), transB: int(transB), alpha: float(0.5), beta: float(2) }),
  });
}
check('Gemm', 'bias of shape [1, n], no alpha', {
  shapes: [
    [2, 3],
    [3, 4],
    [1, 4],
  ],
  build: (b, x) => b.op('Gemm', x),
});
for (const [p, q] of [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [2, 2, 3],
    [3, 4],
  ],
  [
    [2, 2, 3],
    [2, 3, 2],
  ],
  [[3], [3, 2]],
  [[2, 3], [3]],
  [
    [1, 2, 2, 3],
    [3, 1, 3, 2],
  ],
] as [number[], number[]][]) {
  check('MatMul', `of [${p}] and [${q}]`, { shapes: [p, q], build: (b, x) => b.op('MatMul', x) });
}

interface ConvCase {
  x: number[];
  w: number[];
  attributes?: Record<string, Attribute>;
  bias?: boolean;
}
const convs: Record<string, ConvCase> = {
  pointwise: { x: [2, 3, 2, 2], w: [4, 3, 1, 1], bias: true },
  '3x3, same pads': {
    x: [1, 2, 4, 3],
    w: [2, 2, 3, 3],
    attributes: { pads: ints([1, 1, 1, 1]) },
    bias: true,
  },
  'stride 2 that leaves a rest': { x: [1, 2, 6, 5], w: [2, 2, 3, 3], attributes: { strides: ints([2, 2]) } },
  'stride 2, asymmetric pads': {
    x: [2, 1, 5, 5],
    w: [2, 1, 3, 3],
    attributes: { strides: ints([2, 2]), pads: ints([0, 0, 1, 1]) },
  },
  'asymmetric pads and strides': {
    x: [1, 1, 5, 6],
    w: [1, 1, 2, 3],
    attributes: { strides: ints([1, 3]), pads: ints([1, 0, 0, 2]) },
  },
  dilated: { x: [1, 2, 6, 6], w: [1, 2, 3, 2], attributes: { dilations: ints([2, 3]) } },
  grouped: { x: [1, 4, 3, 3], w: [6, 2, 2, 2], attributes: { group: int(2) }, bias: true },
  depthwise: { x: [2, 3, 4, 4], w: [3, 1, 3, 3], attributes: { group: int(3), pads: ints([1, 1, 1, 1]) } },
  'depthwise with two filters a channel, stride 2': {
    x: [1, 2, 5, 5],
    w: [4, 1, 3, 3],
    attributes: { group: int(2), strides: ints([2, 2]), pads: ints([0, 0, 1, 1]) },
  },
  '1-D': { x: [2, 2, 7], w: [3, 2, 3], attributes: { strides: ints([2]), pads: ints([1, 1]) }, bias: true },
  '3-D': { x: [1, 1, 3, 3, 3], w: [1, 1, 2, 2, 2] },
  'auto_pad SAME_UPPER': {
    x: [1, 1, 5, 4],
    w: [1, 1, 3, 3],
    attributes: { auto_pad: string('SAME_UPPER'), strides: ints([2, 2]) },
  },
  'auto_pad SAME_LOWER': { x: [1, 1, 4, 4], w: [1, 1, 2, 2], attributes: { auto_pad: string('SAME_LOWER') } },
  'auto_pad VALID': { x: [1, 1, 4, 4], w: [1, 1, 2, 2], attributes: { auto_pad: string('VALID') } },
  'pads wider than the kernel': {
    x: [1, 1, 3, 3],
    w: [1, 1, 2, 2],
    attributes: { pads: ints([2, 2, 2, 2]) },
  },
};
for (const [what, { x, w, attributes, bias }] of Object.entries(convs)) {
  const all = { kernel_shape: ints(w.slice(2)), ...attributes };
  check('Conv', `${what}, trained weight`, {
    shapes: [x, w, ...(bias ? [[w[0]!]] : [])],
    build: (b, inputs) => b.op('Conv', inputs, all),
  });
  check('Conv', `${what}, constant weight`, {
    shapes: [x],
    build: (b, [input]) => {
      const random = new Random(7);
      const weight = Float32Array.from({ length: sizeOf(w) }, () => random.normal());
      return b.op('Conv', [input!, b.constant(floats(weight, w))], all);
    },
  });
}

const pools: Record<string, Record<string, Attribute>> = {
  'without overlap': { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
  'with overlap and pads': { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 0, 0]) },
  'in ceil mode': { kernel_shape: ints([2, 2]), strides: ints([2, 2]), ceil_mode: int(1) },
};
for (const [what, attributes] of Object.entries(pools)) {
  // Distinct values, so that no step of the differences changes which one is the largest.
  check('MaxPool', what, {
    shapes: [[1, 2, 5, 5]],
    build: (b, [x]) => {
      const apart = Float32Array.from({ length: 50 }, (_, i) => ((i * 37) % 50) * 0.5);
      const spread = b.op('Add', [
        b.op('Mul', [x!, b.scalar(0.01)]),
        b.constant(floats(apart, [1, 2, 5, 5])),
      ]);
      return b.op('MaxPool', [spread], attributes);
    },
  });
  check('AveragePool', what, {
    shapes: [[1, 2, 5, 5]],
    build: (b, [x]) => b.op('AveragePool', [x!], attributes),
  });
}
check('AveragePool', 'with pads counted', {
  shapes: [[1, 1, 4, 4]],
  build: (b, [x]) =>
    b.op('AveragePool', [x!], {
      kernel_shape: ints([3, 3]),
      pads: ints([1, 1, 1, 1]),
      count_include_pad: int(1),
    }),
});
check('GlobalAveragePool', 'of a picture', {
  shapes: [[2, 3, 2, 3]],
  build: (b, [x]) => b.op('GlobalAveragePool', [x!]),
});

for (const keep of [0, 1]) {
  check('ReduceMean', `over inner axes, keepdims ${keep}`, {
    shapes: [[2, 3, 4]],
    build: (b, [x]) => b.op('ReduceMean', [x!], { axes: ints([-1, 0]), keepdims: int(keep) }),
  });
  check('ReduceSum', `over one axis, keepdims ${keep}`, {
    shapes: [[2, 3, 4]],
    build: (b, [x]) => b.op('ReduceSum', [x!, b.ints(1)], { keepdims: int(keep) }),
  });
}
check('Softmax', 'over the last axis', {
  shapes: [[2, 4]],
  build: (b, [x]) => b.op('Softmax', [x!], { axis: int(-1) }),
});
check('Softmax', 'over a middle axis', {
  shapes: [[2, 3, 2]],
  build: (b, [x]) => b.op('Softmax', [x!], { axis: int(1) }),
});
check('LogSoftmax', 'over the last axis', {
  shapes: [[3, 4]],
  build: (b, [x]) => b.op('LogSoftmax', [x!], { axis: int(1) }),
});

check('Reshape', 'with -1 and 0', {
  shapes: [[2, 3, 4]],
  build: (b, [x]) => b.op('Reshape', [x!, b.ints(0, -1)]),
});
check('Flatten', 'from axis 2', {
  shapes: [[2, 3, 2]],
  build: (b, [x]) => b.op('Flatten', [x!], { axis: int(2) }),
});
check('Squeeze', 'of an inner axis', {
  shapes: [[2, 1, 3]],
  build: (b, [x]) => b.op('Squeeze', [x!, b.ints(1)]),
});
check('Unsqueeze', 'of two axes', {
  shapes: [[2, 3]],
  build: (b, [x]) => b.op('Unsqueeze', [x!, b.ints(0, 3)]),
});
check('Transpose', 'of three axes', {
  shapes: [[2, 3, 4]],
  build: (b, [x]) => b.op('Transpose', [x!], { perm: ints([2, 0, 1]) }),
});
check('Transpose', 'by default', { shapes: [[2, 3, 4]], build: (b, [x]) => b.op('Transpose', [x!]) });
check('Expand', 'by broadcasting', {
  shapes: [[3, 1]],
  build: (b, [x]) => b.op('Expand', [x!, b.ints(2, 3, 4)]),
});
check('Concat', 'of three', {
  shapes: [
    [2, 1],
    [2, 3],
    [2, 2],
  ],
  build: (b, x) => b.op('Concat', x, { axis: int(-1) }),
});
check('Slice', 'of the middle', {
  shapes: [[4, 5]],
  build: (b, [x]) => b.op('Slice', [x!, b.ints(1, -4), b.ints(3, -1), b.ints(0, 1)]),
});
check('Slice', 'with steps', {
  shapes: [[5, 7]],
  build: (b, [x]) => b.op('Slice', [x!, b.ints(0, 1), b.ints(5, 100), b.ints(0, 1), b.ints(2, 3)]),
});
check('Pad', 'with zeros', { shapes: [[2, 3]], build: (b, [x]) => b.op('Pad', [x!, b.ints(1, 0, 0, 2)]) });

describe('gradients against central differences', () => {
  for (const c of cases) it(`${c.op}: ${c.what}`, () => checkGradient(c));

  it('reuse: a tensor that is read twice gets the sum', () =>
    checkGradient({ shapes: [[2, 3]], build: (b, [x]) => b.op('Mul', [x!, b.op('Tanh', [x!])]) }));
});
