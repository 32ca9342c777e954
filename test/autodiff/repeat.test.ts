import { expect, it } from 'vitest';
import { allOf, firstOf, lastOf, repeatSteps, STEPS_INPUT } from '../../src/autodiff/repeat.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { Random } from '../../src/random.js';

const engine = new OrtEngine();
const SIZE = 6;

/** A step of a recurrence: the state is drawn to a row of numbers that differ, by a factor that does not. */
function recurrence() {
  const b = new GraphBuilder();
  for (const name of ['state', 'row']) b.input(name, [SIZE]);
  b.input('factor', []);
  const change = b.op('Mul', [b.op('Tanh', [b.op('Sub', ['row', 'state'])]), 'factor']);
  b.op('Add', ['state', change], {}, 'state.next');
  b.op('Identity', [change], {}, 'change');
  for (const name of ['state.next', 'change']) b.output(name);
  return b.model('recurrence');
}

const carried = new Map([['state', 'state.next']]);
const random = new Random(3);
const numbers = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const factor = { dims: [], data: Float32Array.of(0.3) };

it.each([1, 2, 7])('%i steps in one run give the bits of as many runs', async (count) => {
  const rows = numbers(count * SIZE);
  const first = numbers(SIZE);
  const step = await engine.compile(recurrence());
  const many = await engine.compile(repeatSteps(recurrence(), carried, ['row']));
  let state: Float32Array = first;
  const changes: number[] = [];
  for (let k = 0; k < count; k++) {
    const row = { dims: [SIZE], data: rows.subarray(k * SIZE, (k + 1) * SIZE) };
    const results = await step.run({ state: { dims: [SIZE], data: state }, row, factor });
    state = results['state.next']!.data;
    changes.push(...results.change!.data);
  }
  const results = await many.run({
    [STEPS_INPUT]: { dims: [1], data: Float32Array.of(count) },
    [firstOf('state')]: { dims: [SIZE], data: first },
    [allOf('row')]: { dims: [count, SIZE], data: rows },
    factor,
  });
  expect(results[lastOf('state')]!.data).toEqual(state);
  expect(results[allOf('change')]).toMatchObject({ dims: [count, SIZE], data: Float32Array.from(changes) });
  await Promise.all([step.close(), many.close()]);
});

it('refuses names that the step does not have', () => {
  expect(() => repeatSteps(recurrence(), new Map([['none', 'state.next']]), ['row'])).toThrow(RangeError);
  expect(() => repeatSteps(recurrence(), carried, ['none'])).toThrow("no tensor 'none'");
});
