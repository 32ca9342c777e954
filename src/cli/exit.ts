import { CommanderError } from 'commander';
import { LichenError, messageOf } from '../errors.js';

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The command ran and its answer is no: a verification failed, a device lacks something it needs. */
  no: 1,
  /** Wrong usage or input; the message says what to do. */
  input: 2,
  /** A defect in Lichen. */
  defect: 3,
} as const;

export const EXIT_HELP =
  '\nExit codes: 0 done; 1 done, and the answer is no; 2 wrong usage or input; 3 a defect in Lichen.';

/** Says what went wrong on standard error and returns the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.input;
  if (error instanceof LichenError) {
    if (json)
      process.stdout.write(`${JSON.stringify({ error: { code: error.code, message: error.message } })}\n`);
    process.stderr.write(`lichen: ${error.message}\n`);
    return EXIT.input;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  process.stderr.write(`lichen: this is a defect in Lichen, please report it:\n${stack}\n`);
  return EXIT.defect;
}
