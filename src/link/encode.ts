import type { z } from 'zod';
import { LichenError } from '../errors.js';
import { CONTRACT_VERSION, type Envelope, type ReportKind, reportSchemas } from './schemas.js';

/** Who reports: the part of the envelope that stays the same from one start of the program to the next stop. */
export interface Reporter {
  device: string;
  store: string;
  boot: number;
}

/**
 * Writes a report's payload.
 * @param seq the message's own number; for state and adapter announcements, the highest one given so far.
 * @throws LichenError `report-invalid` when the body does not fit its schema: a hub would refuse it.
 */
export function encodeReport(reporter: Reporter, kind: ReportKind, body: object, seq: number): Buffer {
  const envelope: Envelope = { v: CONTRACT_VERSION, ...reporter, seq, at: new Date().toISOString() };
  const schema: z.ZodType = reportSchemas[kind];
  const checked = schema.safeParse({ ...body, ...envelope });
  if (checked.success) return Buffer.from(JSON.stringify(checked.data));
  const issues = checked.error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`);
  throw new LichenError(
    'report-invalid',
    `A report of kind ${kind} does not fit its schema. ${issues.join('; ')}.`,
  );
}
