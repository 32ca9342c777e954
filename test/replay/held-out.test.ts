import { expect, test } from 'vitest';
import { isHeldOut } from '../../src/replay/held-out.js';
import { idOf } from './fixture.js';

const ids = Array.from({ length: 20_000 }, (_, n) => idOf(n));

test('one in five is held out by default, and the same ones for ever', () => {
  const share = ids.filter((id) => isHeldOut(id)).length / ids.length;
  expect(share).toBeGreaterThan(0.19);
  expect(share).toBeLessThan(0.21);
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((n) => isHeldOut(ids[n]!))).toEqual([0, 4]);
});

test('what is held out at one fraction is held out at every larger one', () => {
  expect(ids.some((id) => isHeldOut(id, 0))).toBe(false);
  expect(ids.every((id) => isHeldOut(id, 1))).toBe(true);
  for (const id of ids.slice(0, 2_000)) {
    const answers = [0.05, 0.1, 0.2, 0.5, 0.9].map((fraction) => isHeldOut(id, fraction));
    expect(answers).toEqual([...answers].sort((a, b) => Number(a) - Number(b)));
  }
});

test('what is no id or no fraction is refused', () => {
  for (const id of ['', 'abc', idOf(1).toUpperCase(), `${idOf(1)}0`, idOf(1).replace(/.$/, 'g')]) {
    expect(() => isHeldOut(id)).toThrow(expect.objectContaining({ code: 'sample-id-invalid' }));
  }
  for (const fraction of [-0.1, 1.1, Number.NaN])
    expect(() => isHeldOut(idOf(1), fraction)).toThrow(RangeError);
});
