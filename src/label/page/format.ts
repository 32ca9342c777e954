export type Language = 'en' | 'ko';

const LOCALE = { en: 'en-GB', ko: 'ko-KR' } as const;

/** A share as a percentage. What is not quite all is never rounded up to 100 %, nor what is not quite nothing to 0 %. */
export function percent(share: number, language: Language, digits = 0): string {
  const step = 10 ** -(digits + 2);
  const shown = share < 1 ? Math.min(share, 1 - step) : share;
  return new Intl.NumberFormat(LOCALE[language], {
    style: 'percent',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(shown > 0 ? Math.max(shown, step) : shown);
}

/** A difference of two shares in percentage points, always with its sign. */
export function points(difference: number, language: Language): string {
  return new Intl.NumberFormat(LOCALE[language], {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  }).format(difference * 100);
}

export function integer(value: number, language: Language): string {
  return new Intl.NumberFormat(LOCALE[language], { maximumFractionDigits: 0 }).format(value);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units, three figures at most where they are not whole bytes. */
export function bytes(value: number, language: Language): string {
  let unit = 0;
  let left = value;
  // 999.5 kB would be shown as 1000 kB.
  while (left >= 999.5 && unit < UNITS.length - 1) {
    left /= 1000;
    unit++;
  }
  const digits = unit === 0 || left >= 99.95 ? 0 : 1;
  const number = new Intl.NumberFormat(LOCALE[language], { maximumFractionDigits: digits }).format(left);
  return `${number} ${UNITS[unit]}`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

/** How long ago something was; clocks that disagree by a little never say 'in 2 seconds'. */
export function ago(at: number, now: number, language: Language): string {
  const gone = Math.max(0, now - at);
  const [unit, length] =
    gone < 5000 ? (['second', Infinity] as const) : STEPS.find(([, step]) => gone >= step)!;
  const format = new Intl.RelativeTimeFormat(LOCALE[language], { numeric: 'auto' });
  return format.format(-Math.floor(gone / length) || 0, unit);
}

/** Day and time of day. */
export function moment(at: number, language: Language): string {
  return new Intl.DateTimeFormat(LOCALE[language], { dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

/** Milliseconds as seconds, two figures. */
export function seconds(milliseconds: number, language: Language): string {
  const value = milliseconds / 1000;
  return new Intl.NumberFormat(LOCALE[language], { maximumFractionDigits: value < 1 ? 2 : 1 }).format(value);
}
