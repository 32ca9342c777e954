import { expect } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import type { ConstantTensor, Model } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { drawer } from './models.js';

/** The output 'y' of a model for an 'x'. */
export async function outputOf(model: Model, x: ConstantTensor): Promise<Float32Array> {
  const program = await new OrtEngine().compile(model, { threads: 1 });
  try {
    return (await program.run({ x: { dims: x.dims, data: x.data as Float32Array } })).y!.data;
  } finally {
    await program.close();
  }
}

export function expectNear(a: Float32Array, b: Float32Array, tolerance = 1e-4): void {
  expect(a.length).toBe(b.length);
  const worst = a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0);
  expect(worst).toBeLessThan(tolerance);
}

/** Runs a model as it is and normalized, and expects the same. Returns the normalized one. */
export async function expectSameNormalized(model: Model, dims: number[], tolerance?: number): Promise<Model> {
  const normalized = normalize(model);
  const x = drawer(9)(dims);
  const y = await outputOf(model, x);
  expect(Math.max(...y) - Math.min(...y)).toBeGreaterThan(1e-3);
  expectNear(await outputOf(normalized, x), y, tolerance);
  return normalized;
}
