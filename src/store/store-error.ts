import { LichenError, messageOf } from '../errors.js';

/** SQLite's primary result codes that an operator can do something about. */
const OPERATOR_ERRORS: ReadonlyMap<number, { code: string; happened: string; remedy: string }> = new Map([
  [
    3,
    {
      code: 'store-no-permission',
      happened: 'may not be accessed by this user',
      remedy: 'Run as the user who owns the file and its folder.',
    },
  ],
  [
    5,
    {
      code: 'store-busy',
      happened: 'stayed locked by another process',
      remedy: 'Wait for it to finish, or stop it.',
    },
  ],
  [
    8,
    {
      code: 'store-read-only',
      happened: 'is open for reading only',
      remedy: 'Open it for writing, or check the rights of the file and its folder.',
    },
  ],
  [
    10,
    {
      code: 'store-io-error',
      happened: 'could not be read or written',
      remedy: 'Check the disk (dmesg) and its free space.',
    },
  ],
  [
    11,
    {
      code: 'store-corrupt',
      happened: 'is damaged',
      remedy: 'Restore it from a backup, or move it away to start anew.',
    },
  ],
  [
    13,
    {
      code: 'store-full',
      happened: 'could not grow: the disk is full',
      remedy: 'Free some space; what was kept before is still there.',
    },
  ],
  [
    14,
    {
      code: 'store-no-permission',
      happened: 'cannot be opened',
      remedy: 'Check that the folder exists and that this user may write it.',
    },
  ],
  [
    26,
    {
      code: 'store-not-a-database',
      happened: 'is not a SQLite database',
      remedy: 'Name another file, or move this one away; it was not changed.',
    },
  ],
]);

/**
 * Turns what libsql throws into a LichenError that names the file, where an operator can act on it. Broken
 * constraints and wrong SQL are the program's own mistakes and stay what they are.
 */
export function storeError(file: string, error: unknown): unknown {
  if (error instanceof LichenError || !(error instanceof Error)) return error;
  const known = OPERATOR_ERRORS.get(resultCode(error) & 0xff);
  if (known === undefined) return error;
  return new LichenError(
    known.code,
    `The database ${file} ${known.happened} (SQLite: ${messageOf(error)}). ${known.remedy}`,
    { cause: error },
  );
}

function resultCode(error: Error): number {
  if ('rawCode' in error && typeof error.rawCode === 'number') return error.rawCode;
  // A connection that cannot be opened carries the code only in its text: 'ConnectionFailed("...: 14")'.
  const failed = /ConnectionFailed\(.*: (\d+)"\)/.exec(error.message);
  return failed === null ? 0 : Number(failed[1]);
}
