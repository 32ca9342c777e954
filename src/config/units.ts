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
export const byteSize = (low = 0) => quantity(SIZE_UNITS, 'B', 'a size such as 16 MiB or 200 MB', low);

/** A length of time in milliseconds, written as 500 ms, 30 s, 5 min, 2 h or 1 d. */
export const duration = (low = 0) =>
  quantity(TIME_UNITS, 's', 'a time such as 500 ms, 30 s, 5 min or 2 h', low);

function quantity(units: Record<string, number>, plain: string, expected: string, low: number) {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(String(value));
    const factor = match && units[match[2] || plain];
    const amount = match && factor ? Math.round(Number(match[1]) * factor) : undefined;
    if (amount === undefined) {
      context.addIssue({
        code: 'custom',
        message: `expected ${expected} (units: ${Object.keys(units).join(', ')})`,
      });
      return z.NEVER;
    }
    if (amount < low) {
      context.addIssue({
        code: 'custom',
        message: `expected at least ${low / (units[plain] ?? 1)} ${plain}`,
      });
      return z.NEVER;
    }
    return amount;
  });
}
