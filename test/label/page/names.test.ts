import { expect, test } from 'vitest';
import { className, taskName } from '../../../src/label/page/names.js';
import { worstMixUp } from '../../../src/label/page/task/mix-ups.js';

test('a task is named as its topics allow, with dashes for blanks', () => {
  expect(taskName('  hand signs ')).toBe('hand-signs');
  expect(taskName('line_2')).toBe('line_2');
  for (const refused of ['', '   ', '손', 'a/b', 'a+b', 'x'.repeat(65)]) expect(taskName(refused)).toBeNull();
});

test('a class may be named in any writing, in one form of it', () => {
  expect(className('  양품  A ')).toBe('양품 A');
  // Typed on another keyboard, the same word comes as separate letters.
  expect(className('양품'.normalize('NFD'))).toBe('양품');
  expect(className('   ')).toBeNull();
  expect(className('x'.repeat(65))).toBeNull();
});

test('the worst mix-up is the largest count off the diagonal', () => {
  expect(
    worstMixUp([
      [9, 1, 0],
      [0, 5, 3],
      [2, 0, 7],
    ]),
  ).toEqual({ row: 1, column: 2, count: 3 });
  expect(
    worstMixUp([
      [4, 0],
      [0, 4],
    ]),
  ).toBeNull();
});
