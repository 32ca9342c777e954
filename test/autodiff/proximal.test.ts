import { describe, expect, it } from 'vitest';
import { groupThreshold, inTurn, type Proximal, softThreshold } from '../../src/autodiff/proximal.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';

const engine = new OrtEngine();

async function applied(step: Proximal, dims: number[], values: number[]): Promise<number[]> {
  const b = new GraphBuilder();
  const y = step(b, b.input('x', dims));
  b.output(y);
  const program = await engine.compile(b.model());
  const found = (await program.run({ x: { dims, data: Float32Array.from(values) } }))[y]!.data;
  await program.close();
  return [...found];
}

const close = (found: number[], expected: number[]) => {
  for (const [i, v] of found.entries()) expect(v).toBeCloseTo(expected[i]!, 6);
};

describe('proximal steps', () => {
  it('l1: values move towards zero and stay there', async () => {
    const found = await applied(softThreshold(0.5), [6], [2, -2, 0.5, 0.25, -0.4, 0]);
    close(found, [1.5, -1.5, 0, 0, 0, 0]);
    expect(found.slice(2).every((v) => v === 0)).toBe(true);
  });

  it('group lasso: rows become shorter, or zero', async () => {
    const found = await applied(groupThreshold(1), [3, 2], [3, 4, 0.3, -0.4, 0, 0]);
    close(found, [2.4, 3.2, 0, 0, 0, 0]);
    expect(found.slice(2).every((v) => v === 0)).toBe(true);
  });

  it('group lasso leaves rows that are no groups', async () => {
    const found = await applied(groupThreshold(1, Float32Array.of(0, 1)), [2, 2], [0.3, 0.4, 3, 4]);
    close(found, [0.3, 0.4, 2.4, 3.2]);
  });

  it('one after the other is the step of both norms together', async () => {
    const both = inTurn(softThreshold(0.5), groupThreshold(1));
    close(await applied(both, [1, 3], [3.5, -4.5, 0.2]), [2.4, -3.2, 0]);
  });
});
