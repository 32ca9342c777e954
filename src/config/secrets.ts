/** Settings whose values are not shown, by their names; headers of a request are among them, for what stands in them. */
const SECRET = /password|secret|token|headers/i;
/** A password within an address, such as a camera's. */
const WITHIN_ADDRESS = /(:\/\/[^/@\s]*:)[^/@\s]+@/g;

/** Whether the value of a setting is never shown. @param key its path, or its name */
export const isSecret = (key: string): boolean => SECRET.test(key);

/** A text without the passwords of the addresses in it. */
export const withoutPasswords = (text: string): string => text.replace(WITHIN_ADDRESS, '$1...@');

/** A value with dots for every secret in it. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return withoutPasswords(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isSecret(name) ? '...' : withoutSecrets(inner)]),
  );
}
