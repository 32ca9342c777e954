import type { z } from 'zod';
import { LichenError } from '../errors.js';

/** What a request carries, checked. @throws LichenError `request-invalid`, naming the field */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const field = issue!.path.join('.');
  throw new LichenError('request-invalid', `${field === '' ? 'the request' : field}: ${issue!.message}`);
}
