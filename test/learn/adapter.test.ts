import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import {
  type Adapter,
  type AdapterTensors,
  decodeAdapter,
  encodeAdapter,
  half,
} from '../../src/learn/adapter.js';
import { fromHalf, toHalf } from '../../src/onnx/float16.js';
import { sizeOf } from '../../src/onnx/model.js';

function adapter(tensors: AdapterTensors = new Map()): Adapter {
  const head = {
    kind: 'discriminant' as const,
    classes: ['ja', 'nö', 'a "class"'],
    weight: half(
      Float32Array.from({ length: 12 }, (_, i) => i / 7),
      [3, 4],
    ).data,
    bias: Float32Array.of(0.1, -0.2, 1e-30),
    features: 4,
  };
  return { isolation: 'piggyback', tensors, head };
}

describe("an adapter's bytes", () => {
  it('keep every tensor as it was: bits, half and single precision, of any shape', () => {
    const shape = fc.array(fc.nat(5), { maxLength: 4 });
    const tensor = fc.oneof(
      shape.chain((dims) =>
        fc
          .array(fc.constantFrom(0, 1), { minLength: sizeOf(dims), maxLength: sizeOf(dims) })
          .map((v) => ({ type: 'bit' as const, dims, data: Float32Array.from(v) })),
      ),
      shape.chain((dims) =>
        fc
          .array(fc.float({ noNaN: true }), { minLength: sizeOf(dims), maxLength: sizeOf(dims) })
          .map((v) => ({ type: 'half' as const, dims, data: fromHalf(toHalf(v)) })),
      ),
      shape.chain((dims) =>
        fc
          .float32Array({ minLength: sizeOf(dims), maxLength: sizeOf(dims), noNaN: true })
          .map((data) => ({ type: 'float' as const, dims, data })),
      ),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), tensor, { maxKeys: 5 }),
        (named) => {
          const given = adapter(new Map(Object.entries(named)));
          const back = decodeAdapter(encodeAdapter(given));
          expect([...back.tensors]).toEqual([...given.tensors]);
          expect(back.head).toEqual(given.head);
          expect(back.isolation).toBe('piggyback');
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it('are the same for the same adapter', () => {
    const make = () =>
      encodeAdapter(adapter(new Map([['m', { type: 'bit', dims: [3], data: Float32Array.of(1, 0, 1) }]])));
    expect(make()).toEqual(make());
  });

  it('damaged anywhere, are refused or an adapter whose head fits its classes', () => {
    const bits = Float32Array.from({ length: 40 }, (_, i) => i % 2);
    const bytes = encodeAdapter(adapter(new Map([['m', { type: 'bit', dims: [40], data: bits }]])));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (list) => {
          const damaged = bytes.slice();
          for (const [at, to] of list) damaged[at] = to;
          try {
            const { head } = decodeAdapter(damaged);
            expect(head.weight.length).toBe(head.classes.length * head.features);
            expect(head.bias.length).toBe(head.classes.length);
          } catch (error) {
            if (!(error instanceof LichenError)) throw error;
            expect(error.code).toBe('adapter-invalid');
          }
        },
      ),
      { numRuns: 400, seed: 1 },
    );
  });

  it('whose head is for another number of classes are refused', () => {
    const wrong = adapter();
    const bytes = encodeAdapter({
      ...wrong,
      head: {
        ...wrong.head,
        classes: ['a', 'b'],
        weight: wrong.head.weight.slice(0, 8),
        bias: wrong.head.bias,
      },
    });
    expect(() => decodeAdapter(bytes)).toThrow(LichenError);
  });
});
