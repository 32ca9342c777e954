import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteSize, duration, formatQuantity } from '../../src/config/units.js';

const messageOf = (result: { error?: { issues: { message: string }[] } }) => result.error?.issues[0]?.message;

describe('a size', () => {
  it.each([
    ['16 MiB', 16 * 2 ** 20],
    ['200MB', 200e6],
    ['1.5 kB', 1500],
    [' 3 GiB ', 3 * 2 ** 30],
    ['12 B', 12],
    ['12', 12],
    [12, 12],
    [0, 0],
  ])('%j is %d bytes', (written, bytes) => {
    expect(byteSize().parse(written)).toBe(bytes);
  });

  it.each([
    '16 mib',
    '16 MiB!',
    '-1 MB',
    'MB',
    '',
    '1e3',
    '0x10',
    '1 constructor',
    '1,5 MB',
    true,
    null,
    [],
    Number.NaN,
    -3,
    `${'9'.repeat(400)} GB`,
  ])('%j is refused, with what is expected and every unit', (written) => {
    const message = messageOf(byteSize().safeParse(written));
    expect(message).toBe('expected a size such as 16 MiB or 200 MB (units: B, kB, MB, GB, KiB, MiB, GiB)');
  });

  it('that is too small is refused with the least one, in units', () => {
    expect(messageOf(byteSize(65_536).safeParse('5 kB'))).toBe('expected at least 64 KiB');
    expect(byteSize(65_536).parse('64 KiB')).toBe(65_536);
  });
});

describe('a time', () => {
  it.each([
    ['500 ms', 500],
    ['30 s', 30_000],
    ['5min', 300_000],
    ['2 h', 7_200_000],
    ['1 d', 86_400_000],
    ['0.5 s', 500],
    [2, 2000],
  ])('%j is %d milliseconds', (written, ms) => {
    expect(duration().parse(written)).toBe(ms);
  });

  it('that is too short is refused in units of time', () => {
    expect(messageOf(duration(60_000).safeParse('3 s'))).toBe('expected at least 1 min');
  });
});

describe('a quantity as it is printed', () => {
  it.each([
    [16 * 2 ** 20, 'bytes', '16 MiB'],
    [200e6, 'bytes', '200 MB'],
    [1023, 'bytes', '1023 B'],
    [0, 'bytes', '0 B'],
    [500, 'ms', '500 ms'],
    [90_000, 'ms', '90 s'],
  ] as const)('%d %s is %s', (value, unit, text) => {
    expect(formatQuantity(value, unit)).toBe(text);
  });

  it('is read back as itself', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 45), (n) => {
        expect(byteSize().parse(formatQuantity(n, 'bytes'))).toBe(n);
        expect(duration().parse(formatQuantity(n, 'ms'))).toBe(n);
      }),
    );
  });
});
