import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradientRules } from '../../src/autodiff/gradient.js';
import { generated } from './generated/all.js';
import { checkGradient } from './numeric.js';

/** Operators whose settings are many get more runs. */
const RUNS: Record<string, number> = {
  ...{
    Conv: 200,
    PatchGemm: 200,
    ConvTranspose: 200,
    MaxPool: 100,
    AveragePool: 100,
    Resize: 200,
    Slice: 100,
    Pad: 100,
  },
  ...{ Gather: 100, Split: 60, MatMul: 60, Gemm: 60, LayerNormalization: 60 },
};

describe('gradients against central differences, over generated shapes and attributes', () => {
  it.each(Object.keys(gradientRules).filter((op) => Object.hasOwn(generated, op)))('%s', async (op) => {
    let seed = 0;
    await fc.assert(
      fc.asyncProperty(generated[op]!, (c) => checkGradient(c, ++seed)),
      { numRuns: RUNS[op] ?? 30, seed: 1, endOnFailure: false },
    );
  });

  it('are compared for every rule, and for nothing that has none', () => {
    // The threshold is no function with a derivative: its gradient is defined, and tested beside this.
    const checked = [...Object.keys(generated), 'Binarize'];
    expect(checked.sort()).toEqual(Object.keys(gradientRules).sort());
  });
});
