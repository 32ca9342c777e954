import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ago, bytes, integer, percent, points, seconds } from '../../../src/label/page/format.js';

test('what is not quite all is never shown as all, nor what is not quite nothing as nothing', () => {
  expect(percent(1, 'en')).toBe('100%');
  expect(percent(0.999, 'en')).toBe('99%');
  expect(percent(0.9996, 'en', 1)).toBe('99.9%');
  expect(percent(0.0001, 'en')).toBe('1%');
  expect(percent(0, 'en')).toBe('0%');
  expect(percent(0.9426, 'en', 1)).toBe('94.3%');
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1), (share, digits) => {
      const shown = percent(share, 'ko', digits);
      if (share < 1) expect(Number.parseFloat(shown)).toBeLessThan(100);
      if (share > 0) expect(Number.parseFloat(shown)).toBeGreaterThan(0);
    }),
    { seed: 7 },
  );
});

test('points carry their sign', () => {
  expect(points(0.012, 'en')).toBe('+1.2');
  expect(points(-0.004, 'en')).toBe('-0.4');
  expect(points(0.00001, 'en')).toBe('0.0');
});

test('bytes are shown in the unit that leaves at most three figures before the point', () => {
  expect(bytes(0, 'en')).toBe('0 B');
  expect(bytes(999, 'en')).toBe('999 B');
  expect(bytes(1000, 'en')).toBe('1 kB');
  expect(bytes(21_400_000, 'en')).toBe('21.4 MB');
  expect(bytes(999_600, 'en')).toBe('1 MB');
  expect(bytes(183_400, 'en')).toBe('183 kB');
  expect(bytes(5e15, 'en')).toBe('5,000 TB');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e14 }), (value) => {
      expect(bytes(value, 'en')).toMatch(/^\d{1,3}(?:\.\d)? (?:B|kB|MB|GB|TB)$/);
    }),
    { seed: 7 },
  );
});

test('how long ago', () => {
  const now = Date.UTC(2026, 5, 1, 12);
  expect(ago(now - 2000, now, 'en')).toBe('now');
  // A device's clock may be ahead of the browser's.
  expect(ago(now + 60_000, now, 'en')).toBe('now');
  expect(ago(now - 42_000, now, 'en')).toBe('42 seconds ago');
  expect(ago(now - 3 * 3_600_000, now, 'en')).toBe('3 hours ago');
  expect(ago(now - 86_400_000, now, 'en')).toBe('yesterday');
  expect(ago(now - 5 * 60_000, now, 'ko')).toBe('5분 전');
});

test('counts and seconds', () => {
  expect(integer(12_034, 'en')).toBe('12,034');
  expect(seconds(143, 'en')).toBe('0.14');
  expect(seconds(2345, 'en')).toBe('2.3');
});
