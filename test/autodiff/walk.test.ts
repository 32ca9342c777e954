import { describe, expect, it } from 'vitest';
import { gradients, isTrainable, trainableOperators } from '../../src/autodiff/gradient.js';
import { LichenError } from '../../src/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { ElementType, float, floats, int, node } from '../../src/onnx/model.js';

describe('gradients', () => {
  it('pass straight through the mask threshold', () => {
    const b = new GraphBuilder();
    b.input('m', [2]);
    b.op('Binarize', ['m'], { threshold: float(0.5) }, 'y');
    b.op('ReduceSum', ['y'], { keepdims: int(0) }, 'loss');
    const g = gradients(b, 'loss', ['m']).get('m')!;
    expect(b.shape(g)).toEqual([2]);
    expect(b.producer(g)!.op).toBe('Expand');
  });

  it('name an operator without a rule, its node and what is supported', () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    b.op('Hardmax', ['x'], {}, 'odd');
    b.op('ReduceSum', ['odd'], { keepdims: int(0) }, 'loss');
    expect(() => gradients(b, 'loss', ['x'])).toThrow(LichenError);
    expect(() => gradients(b, 'loss', ['x'])).toThrow(
      /Hardmax.*'odd'.*supported: .*Conv.*Gemm.*Cut the network/,
    );
  });

  it('list what files may have, and nothing that only graphs built here have', () => {
    expect(trainableOperators).toEqual(
      expect.arrayContaining(['Conv', 'Gelu', 'GroupNormalization', 'Upsample']),
    );
    for (const inner of ['Binarize', 'FirstMax', 'PatchGemm'])
      expect(trainableOperators).not.toContain(inner);
  });

  it('name a convolution by integers, which no runtime runs', () => {
    const b = new GraphBuilder();
    b.input('x', [1, 1, 3]);
    const w = b.constant({ type: ElementType.int64, dims: [1, 1, 2], data: BigInt64Array.of(1n, 2n) });
    b.op('Conv', ['x', w], {}, 'odd');
    b.op('ReduceSum', ['odd'], { keepdims: int(0) }, 'loss');
    expect(() => gradients(b, 'loss', ['x'])).toThrow(/'odd' \(Conv\): its weight has no real numbers/);
  });

  it('refuse nothing that lies before what is trained, or that the loss does not depend on', () => {
    const b = new GraphBuilder();
    b.input('x', [2, 3]);
    b.input('w', [3]);
    const before = b.op('Hardmax', ['x']);
    const y = b.op('Mul', [before, 'w']);
    b.op('Hardmax', [y], {}, 'beside');
    b.op('ReduceSum', [y], { keepdims: int(0) }, 'loss');
    const found = gradients(b, 'loss', ['w']);
    expect(b.shape(found.get('w')!)).toEqual([3]);
  });

  it('refuse an operator behind an output that is not the first', () => {
    const b = new GraphBuilder();
    b.input('x', [4]);
    b.add(node('Split', ['x'], ['p', 'q']));
    b.op('Hardmax', ['q'], {}, 'odd');
    b.op('ReduceSum', [b.op('Mul', ['p', 'odd'])], { keepdims: int(0) }, 'loss');
    expect(() => gradients(b, 'loss', ['x'])).toThrow(/Hardmax \(node 'odd'\)/);
  });

  it('refuse to pass through an output that is not the first, where only the first has a rule', () => {
    const b = new GraphBuilder();
    b.input('x', [2, 3]);
    b.add(node('LayerNormalization', ['x', b.constant(floats([1, 1, 1], [3]))], ['y', 'center']));
    b.op('ReduceSum', [b.op('Mul', ['y', 'center'])], { keepdims: int(0) }, 'loss');
    expect(() => gradients(b, 'loss', ['x'])).toThrow(
      /node 'y' \(LayerNormalization\): the loss depends on another output than its first/,
    );
  });

  it("name the set of an operator that is not the standard's", () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    const foreign = { ...node('Relu', ['x'], ['odd']), domain: 'com.example' };
    expect(() => b.add(foreign)).toThrow(/operator com\.example::Relu \(node 'odd'\).*supported/);
  });

  it('need no rule for truth values, positions and sizes', () => {
    const b = new GraphBuilder();
    b.input('x', [2, 3]);
    const when = b.op('Not', [b.op('Less', ['x', b.scalar(0)])]);
    const rows = b.op('Shape', ['x']);
    const y = b.op('Where', [when, 'x', b.op('Reshape', [b.op('Neg', ['x']), rows])]);
    b.op('ReduceSum', [y], { keepdims: int(0) }, 'loss');
    expect(gradients(b, 'loss', ['x']).size).toBe(1);
    for (const n of b.nodes.slice(0, 6)) expect(isTrainable(n), n.op).toBe(true);
    expect(isTrainable(node('Hardmax', ['x'], ['y']))).toBe(false);
    expect(isTrainable({ ...node('Relu', ['x'], ['y']), domain: 'com.example' })).toBe(false);
  });

  it('refuse a target that the loss does not depend on', () => {
    const b = new GraphBuilder();
    b.input('x', [2]);
    b.input('y', [2]);
    b.op('ReduceSum', ['x'], { keepdims: int(0) }, 'loss');
    expect(() => gradients(b, 'loss', ['y'])).toThrow(/does not depend on 'y'/);
  });
});
