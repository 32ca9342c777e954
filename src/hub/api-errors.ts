import type { FastifyError } from 'fastify';
import { LichenError } from '../errors.js';

/** What every failed call of the API answers. */
export interface ApiFailure {
  status: number;
  error: { code: string; message: string };
}

const STATUS: ReadonlyMap<string, number> = new Map([
  ['id-invalid', 400],
  ['body-invalid', 400],
  ['payload-invalid', 400],
  ['cross-origin', 403],
  ['device-unknown', 404],
  ['verb-unknown', 404],
  ['pack-unknown', 404],
  ['device-offline', 409],
  ['install-running', 409],
  ['install-attempts-used', 409],
  ['device-refused', 422],
  ['hub-busy', 503],
  ['hub-stopping', 503],
  ['request-timeout', 504],
  ['store-full', 507],
]);

/** The status and the body that an error becomes; undefined when it is the hub's own fault. */
export function apiFailure(error: FastifyError | Error): ApiFailure | undefined {
  if (error instanceof LichenError) {
    // A pack that cannot be read is the uploader's matter, whatever is wrong with it.
    const status = STATUS.get(error.code) ?? (error.code.startsWith('pack-') ? 422 : 500);
    return { status, error: { code: error.code, message: error.message } };
  }
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  // Fastify's own refusals: a body that is no JSON, too large, of another type.
  if (status < 500) return { status, error: { code: 'body-invalid', message: error.message } };
  return undefined;
}
