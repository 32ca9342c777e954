import { expect, test } from 'vitest';
import { openStore } from '../../src/store/store.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

test('a file is seen until it changes or is forgotten, across a restart', () => {
  let store = openStore(scratch.path());
  store.seen.add([
    { path: '/in/a.png', size: 10, mtime: 1_785_000_000_000.25, sample: 'ff00' },
    { path: '/in/b.png', size: 11, mtime: 2 },
  ]);
  store.close();
  store = openStore(scratch.path());
  expect(store.seen.find('/in/a.png', 10, 1_785_000_000_000.25)?.sample).toBe('ff00');
  expect(store.seen.find('/in/b.png', 11, 2)).toEqual({
    path: '/in/b.png',
    size: 11,
    mtime: 2,
    sample: undefined,
  });
  expect(store.seen.find('/in/b.png', 12, 2)).toBeUndefined();
  expect(store.seen.find('/in/b.png', 11, 3)).toBeUndefined();
  store.seen.add([{ path: '/in/b.png', size: 12, mtime: 3, sample: 'aa' }]);
  expect(store.seen.count()).toBe(2);
  store.seen.forget('/in/b.png');
  expect(store.seen.find('/in/b.png', 12, 3)).toBeUndefined();
  store.close();
});
