/** The longest name of a task, which is part of the device's topics. */
const LONGEST = 64;

/** What was typed, as a task can be named: blanks become dashes; null where that is not enough. */
export function taskName(typed: string): string | null {
  const name = typed.trim().replace(/\s+/g, '-');
  return name.length <= LONGEST && /^[a-zA-Z0-9_-]+$/.test(name) ? name : null;
}

/** What was typed, as a class can be named: without blanks around it, in one way of writing accents and Hangul. */
export function className(typed: string): string | null {
  const name = typed.trim().replace(/\s+/g, ' ').normalize('NFC');
  return name === '' || name.length > LONGEST ? null : name;
}
