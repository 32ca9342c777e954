import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../../src/onnx/float16.js';

describe('half precision', () => {
  it('keeps every one of its own values', () => {
    const finite = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((b) => (b & 0x7c00) !== 0x7c00);
    expect(toHalf(fromHalf(finite))).toEqual(finite);
  });

  it('rounds to the nearest, ties to even', () => {
    const back = (v: number) => fromHalf(toHalf([v]))[0];
    expect(back(1 + 2 ** -11)).toBe(1);
    expect(back(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
    expect(back(2 ** -25)).toBe(0);
    expect(back(2 ** -24)).toBe(2 ** -24);
    expect(back(65504)).toBe(65504);
    expect(back(65520)).toBe(Number.POSITIVE_INFINITY);
    expect(back(Number.NaN)).toBeNaN();
    expect(Object.is(back(-0), -0)).toBe(true);
  });
});
