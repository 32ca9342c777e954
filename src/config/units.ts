import { z } from 'zod';

const SIZE_UNITS: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};
const TIME_UNITS: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A number of bytes, written as 4 MiB, 200 MB or a plain number of bytes. */
export const byteSize = (low = 0) =>
  quantity(SIZE_UNITS, 'B', 'a size such as 16 MiB or 200 MB', low).meta({ unit: 'bytes' });

/** A length of time in milliseconds, written as 500 ms, 30 s, 5 min, 2 h or 1 d; a plain number is seconds. */
export const duration = (low = 0) =>
  quantity(TIME_UNITS, 's', 'a time such as 500 ms, 30 s, 5 min or 2 h', low).meta({ unit: 'ms' });

/** A size or a time in the largest unit that it is a whole number of, as settings files have it. */
export function formatQuantity(value: number, unit: 'bytes' | 'ms'): string {
  const units = Object.entries(unit === 'bytes' ? SIZE_UNITS : TIME_UNITS).sort((a, b) => b[1] - a[1]);
  const [name, factor] = units.find(([, f]) => value !== 0 && value % f === 0) ?? units.at(-1)!;
  return `${value / factor} ${name}`;
}

function quantity(units: Record<string, number>, plain: string, expected: string, low: number) {
  const error = `expected ${expected} (units: ${Object.keys(units).join(', ')})`;
  return z.union([z.string(), z.number()], { error }).transform((value, context) => {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(String(value));
    const unit = match?.[2] || plain;
    const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
    const amount = match && factor ? Math.round(Number(match[1]) * factor) : undefined;
    if (amount === undefined || !Number.isSafeInteger(amount)) {
      context.addIssue({ code: 'custom', message: error });
      return z.NEVER;
    }
    if (amount < low) {
      context.addIssue({
        code: 'custom',
        message: `expected at least ${formatQuantity(low, units === TIME_UNITS ? 'ms' : 'bytes')}`,
      });
      return z.NEVER;
    }
    return amount;
  });
}
