/** A number of bytes for people, in binary units. */
export function bytes(n: number): string {
  return scaled(n, 1024, () => 1, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
}

/** A count for people: 383.9 M. */
export function amount(n: number | null): string {
  return n === null ? '?' : scaled(n, 1000, (v) => (v < 10 ? 2 : 1), ['', 'k', 'M', 'G', 'T']).trimEnd();
}

/** A number of operations for people: 99.0 MFLOP. */
export function operations(n: number | null): string {
  const text = amount(n);
  return /[a-zA-Z]$/.test(text) ? `${text}FLOP` : `${text} FLOP`;
}

/** A duration for people. */
export function duration(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds >= 10) return `${seconds.toFixed(0)} s`;
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  return `${(1000 * seconds).toFixed(seconds >= 0.0095 ? 0 : 1)} ms`;
}

/** A shape for people; a shape that is not known is a question mark. */
export function dims(shape: readonly number[] | null): string {
  return shape === null ? '?' : shape.join('×') || 'number';
}

function scaled(n: number, by: number, digits: (value: number) => number, units: readonly string[]): string {
  let unit = 0;
  let value = n;
  while (value >= by && unit < units.length - 1) {
    value /= by;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(digits(value))} ${units[unit]}`;
}
