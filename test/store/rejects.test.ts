import { expect, test } from 'vitest';
import { openStore } from '../../src/store/store.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

test('rejects are kept with their latest reason, newest first', () => {
  const store = openStore(scratch.path());
  store.rejects.add('/in/a.png', 'truncated', 1);
  store.rejects.add('/in/b.png', 'empty', 2);
  store.rejects.add('/in/a.png', 'no picture', 3);
  expect(store.rejects.list()).toEqual([
    { path: '/in/a.png', reason: 'no picture', at: 3 },
    { path: '/in/b.png', reason: 'empty', at: 2 },
  ]);
  expect(store.rejects.list(1)).toHaveLength(1);
  store.rejects.remove('/in/a.png');
  expect(store.rejects.count()).toBe(1);
  store.close();
});
