import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { operators } from '../../src/engine/tfjs/operators.js';
import type { TfjsEngine } from '../../src/engine/tfjs.js';
import { testedBackends } from './tfjs-backends.js';
import { type OperatorCase, operatorCases } from './tfjs-cases.js';

const ort = new OrtEngine();

async function computed(engine: Engine, { model, feeds }: Pick<OperatorCase, 'model' | 'feeds'>) {
  const program = await engine.compile(model);
  try {
    return await program.run(feeds);
  } finally {
    await program.close();
  }
}

/** Both engines give the same to rounding: 1e-4 of the value or of 1. */
async function compare(engine: TfjsEngine, given: Pick<OperatorCase, 'model' | 'feeds'>): Promise<void> {
  const [expected, found] = [await computed(ort, given), await computed(engine, given)];
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, { dims, data }] of Object.entries(expected)) {
    expect(found[name]!.dims, name).toEqual(dims);
    expect(found[name]!.data.length).toBe(data.length);
    data.forEach((v, i) => {
      const error = Math.abs(found[name]!.data[i]! - v) / (1 + Math.abs(v));
      expect(error, `${name}[${i}]: ort ${v}, tfjs ${found[name]!.data[i]}`).toBeLessThan(1e-4);
    });
  }
}

it('there is a case for every operator', () => {
  const covered = new Set(operatorCases.map((c) => c.op));
  expect(Object.keys(operators).filter((op) => !covered.has(op))).toEqual([]);
});

describe.each(testedBackends())('operators as ONNX Runtime has them, $title', ({ engine }) => {
  it.skipIf(!engine).each(operatorCases)('$op: $title', (given) => compare(engine!, given));
});
