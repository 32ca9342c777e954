import { expect } from 'vitest';
import { LichenError } from '../src/errors.js';

/** What is refused when this runs; a test fails where nothing is, or anything but a LichenError is thrown. */
export function errorOf(run: () => unknown): LichenError {
  try {
    run();
  } catch (error) {
    return checked(error);
  }
  throw new Error('it was accepted');
}

/** The same for what runs asynchronously. */
export async function rejectionOf(run: Promise<unknown>): Promise<LichenError> {
  let error: unknown;
  try {
    await run;
  } catch (thrown) {
    error = thrown;
  }
  return checked(error);
}

function checked(error: unknown): LichenError {
  expect(error).toBeInstanceOf(LichenError);
  return error as LichenError;
}
