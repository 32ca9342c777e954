/**
 * An error that a user or operator can act on. The message says what happened, to which file, topic or
 * setting, what was expected and what to do; commands print it without a stack trace.
 */
export class LichenError extends Error {
  /** Stable, machine-readable kind, e.g. `pack-tampered` or `config-invalid`. */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'LichenError';
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
