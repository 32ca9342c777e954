import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hrefOf, parseRoute } from '../../../src/label/page/routes.js';

test.each(['live', 'questions', 'tasks', 'privacy', 'settings'] as const)('%s has an address', (page) => {
  expect(parseRoute(hrefOf({ page }))).toEqual({ page });
});

test('every task has an address, whatever its name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (task) => {
      expect(parseRoute(hrefOf({ page: 'task', task }))).toEqual({ page: 'task', task });
    }),
    { seed: 7 },
  );
});

test('what is not known shows the live page', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#main'])
    expect(parseRoute(hash)).toEqual({ page: 'live' });
  expect(parseRoute('#/tasks/')).toEqual({ page: 'tasks' });
  expect(parseRoute('#/tasks/50%')).toEqual({ page: 'task', task: '50%' });
});
