import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { CONTRACT_VERSION, eventBody, resultBody } from './schemas.js';

/** What an address can be told of. */
export const WEBHOOK_KINDS = ['result', 'novel', 'drift', 'trained', 'version', 'source', 'task'] as const;
export type WebhookKind = (typeof WEBHOOK_KINDS)[number];

const head = {
  v: z.literal(CONTRACT_VERSION),
  /** Of this message; the same when it is sent again. */
  id: z.string(),
  device: z.string(),
  /** When it happened. */
  at: z.iso.datetime({ offset: true }),
};

/**
 * The body of a webhook: a head, and what the same thing is told by over MQTT. It is strict, so that nothing that is not
 * listed can be in it, and nothing in it can be a picture.
 */
export const webhookBodySchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...head, kind: z.enum(['result', 'novel']), result: z.strictObject(resultBody.shape) }),
  z.strictObject({
    ...head,
    kind: z.enum(['drift', 'trained', 'version', 'source', 'task']),
    event: z.strictObject(eventBody.shape),
  }),
]);
export type WebhookBody = z.infer<typeof webhookBodySchema>;

/** Secrets of this form are base64 behind the prefix; others are taken as they are, in UTF-8. */
const ENCODED = /^whsec_[A-Za-z0-9+/]+={0,2}$/;

/**
 * Headers that say which message it is, when it is sent and, with a secret, that it is this device's: HMAC-SHA256 over
 * `<id>.<seconds>.<body>` (Standard Webhooks, specification 1.0.0, 'Signature scheme'), which existing libraries verify.
 * @param at of this attempt; milliseconds since 1970
 */
export function signedHeaders(
  id: string,
  body: string,
  at: number,
  secret: string | undefined,
): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secret === undefined) return headers;
  const key = ENCODED.test(secret)
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret);
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}
