import { expect, test } from 'vitest';
import { servedPlace } from '../../src/link/served-place.js';

test.each([
  ['127.0.0.1', 'device'],
  ['::1', 'device'],
  ['::ffff:127.0.0.1', 'device'],
  ['192.168.1.20', 'network'],
  ['::ffff:10.0.0.9', 'network'],
  ['172.16.0.1', 'network'],
  ['172.32.0.1', 'elsewhere'],
  ['169.254.3.4', 'network'],
  ['fe80::1%eth0', 'network'],
  ['fd12:3456::1', 'network'],
  ['2001:db8::1', 'elsewhere'],
  ['8.8.8.8', 'elsewhere'],
] as const)('%s is of the %s', (address, place) => {
  expect(servedPlace(address)).toBe(place);
});
