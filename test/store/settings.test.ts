import { expect, test } from 'vitest';
import { openStore } from '../../src/store/store.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

test('settings and counters survive a restart', () => {
  let store = openStore(scratch.path());
  expect(store.settings.get('boot')).toBeUndefined();
  expect(store.settings.increment('boot')).toBe(1);
  store.settings.set('device', 'cam-1');
  store.close();
  store = openStore(scratch.path());
  expect(store.settings.increment('boot')).toBe(2);
  expect(store.settings.get('device')).toBe('cam-1');
  expect(() => store.settings.increment('device')).toThrow(
    expect.objectContaining({ code: 'setting-not-a-counter', message: expect.stringContaining('cam-1') }),
  );
  store.close();
});
