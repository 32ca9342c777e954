import { z } from 'zod';
import { LichenError } from '../errors.js';
import { isId } from './topics.js';

/** The version of the contract that this program speaks; every payload carries it as `v`. */
export const CONTRACT_VERSION = 1;

const id = z.string().refine(isId, 'expected an id: 1 to 64 of [a-zA-Z0-9_-]');
const count = z.int().min(0);
const fraction = z.number().min(0).max(1);
const instant = z.iso.datetime({ offset: true });
const text = z.string().max(4096);

/** What answers for a task: the number of a trained version, or the streaming discriminant. */
const servedVersion = z.union([z.int().min(1), z.literal('instant')]);

/** What every message of a device carries. `boot` and `seq` order it; `store` names the counter of both. */
const envelope = z.object({
  v: z.literal(CONTRACT_VERSION),
  device: id,
  /** Drawn when the device's store is created: a re-flashed device starts to count again under a new one. */
  store: id,
  boot: count,
  seq: count,
  at: instant,
});

const stateBody = z.object({
  state: z.enum(['online', 'offline']),
  versions: z.object({ program: text, node: text, onnxruntime: text }),
  /** The board's profile, e.g. `raspberry-pi-4`. */
  profile: text.nullable(),
  capabilities: z.array(z.string().max(128)).max(256),
});

const taskMetrics = z.object({
  task: id,
  classes: z.array(z.string().max(256)).max(10_000),
  samples: count,
  /** Over the samples held out on the device; null while there are none. */
  accuracyHeldOut: fraction.nullable(),
  current: servedVersion,
  isolation: z.string().max(64),
  adapterBytes: count,
  closed: z.boolean(),
});

const sourceStatus = z.object({
  source: id,
  kind: z.string().max(64),
  frames: count,
  triggered: count,
  delivered: count,
  duplicates: count,
  blurred: count,
  dropped: count,
  bad: count,
  restarts: count,
  lastError: text.nullable(),
  lastErrorAt: instant.nullable(),
  lastFrameAt: instant.nullable(),
});

/** A pack that waits for its owner to install it. */
const offer = z.object({
  task: id,
  version: z.int().min(1),
  sha256: z.string().max(64),
  bytes: count,
  /** Where it was trained; null where the pack does not say. */
  accuracy: fraction.nullable(),
  offeredAt: instant,
  installing: z.boolean(),
});

const metricsBody = z.object({
  tasks: z.array(taskMetrics).max(1000),
  replay: z.object({ capBytes: count, usedBytes: count, samples: count }),
  backboneBytes: count,
  rssBytes: count,
  peakRssBytes: count,
  uptimeSeconds: z.number().min(0),
  diskWrittenBytes: count,
  outbox: z.object({ messages: count, bytes: count, dropped: count }),
  training: z.object({ task: id, epoch: count, epochs: count, loss: z.number() }).optional(),
  /** The task that the owner has fixed; null while the device chooses. Older devices leave it out. */
  activeTask: id.nullable().optional(),
  /** Of the processor, where the board tells it. */
  temperatureCelsius: z.number().optional(),
  /** What each source of pictures has seen and done; devices older than it leave it out. */
  sources: z.array(sourceStatus).max(256).optional(),
  /** Packs that wait for the owner, where the device asks first; devices older than it leave it out. */
  offers: z.array(offer).max(256).optional(),
});

export const resultBody = z.object({
  task: id,
  label: z.string().max(256).nullable(),
  probability: fraction,
  sample: id,
  source: text,
  version: servedVersion,
  /** Share of known samples that look at least as novel; left out where it cannot be told, and by older devices. */
  pValue: fraction.optional(),
  /** The answers of the source over time; older devices leave it out. */
  smoothed: z
    .object({
      /** Whether anything stands; what is decided without a label is novel. */
      decided: z.boolean(),
      label: z.string().max(256).nullable(),
      probability: fraction,
    })
    .optional(),
});

/** What stands of one task of one source, from when it is sure enough until it is so no more. */
const standing = z.object({
  id,
  source: text,
  task: id,
  /** null for novel. */
  label: z.string().max(256).nullable(),
  novel: z.boolean(),
  /** Smoothed over time. */
  probability: fraction,
  topProbability: fraction,
  version: servedVersion,
  /** The newest picture of which it was said. */
  sample: id,
  startedAt: instant,
  /** null while it stands. */
  endedAt: instant.nullable(),
});

const resultEventBody = z.object({
  type: z.enum(['new', 'update', 'end']),
  /** As it was told before; null of a new one. */
  before: standing.nullable(),
  after: standing,
});

export const eventBody = z.object({
  kind: id,
  severity: z.enum(['info', 'warning', 'error']),
  message: text,
  data: z.record(z.string(), z.unknown()).optional(),
});

const adapterBody = z.object({
  task: id,
  version: servedVersion,
  /** Of the adapter's file, 64 hexadecimal digits; null for `instant`, which has no file. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  bytes: count,
  accuracy: fraction.nullable(),
  promotedAt: instant,
  /** Of the task's outputs on fixed probes; null until it is recorded. */
  digest: z.string().max(256).nullable(),
});

const responseBody = z.discriminatedUnion('status', [
  z.object({ status: z.literal('ok'), transaction: id, data: z.unknown() }),
  z.object({
    status: z.literal('error'),
    /** null when the request was too broken to tell its transaction. */
    transaction: id.nullable(),
    error: z.object({ code: z.string().max(128), message: text }),
  }),
]);

const request = z.object({ v: z.literal(CONTRACT_VERSION), transaction: id });

/** What a device can be asked. A new verb is one row here and one handler on the device. */
export const requestSchemas = {
  train: z.object({ ...request.shape, task: id.optional() }),
  classify: z.object({
    ...request.shape,
    task: id.optional(),
    /** A path on the device; without it, the newest picture of the device's own source. */
    file: text.optional(),
  }),
  rollback: z.object({ ...request.shape, task: id }),
  status: request,
  /** A pack; or, for one that was offered before and waits for its owner, the task that it is of. */
  install: z
    .object({ ...request.shape, pack: z.base64().min(1).optional(), task: id.optional() })
    .refine(
      (r) => (r.pack === undefined) !== (r.task === undefined),
      'expected `pack` or `task`, one of them',
    ),
  close: z.object({ ...request.shape, task: id }),
  /** Fixes the task that pictures of all sources are asked for; without one the device chooses again. */
  select: z.object({ ...request.shape, task: id.optional() }),
} as const;

/** The payload of each topic that a device publishes. Unknown fields are accepted and ignored. */
export const reportSchemas = {
  state: z.object({ ...envelope.shape, ...stateBody.shape }),
  metrics: z.object({ ...envelope.shape, ...metricsBody.shape }),
  result: z.object({ ...envelope.shape, ...resultBody.shape }),
  /** On `result` itself, without a task. */
  'result-event': z.object({ ...envelope.shape, ...resultEventBody.shape }),
  event: z.object({ ...envelope.shape, ...eventBody.shape }),
  adapter: z.object({ ...envelope.shape, ...adapterBody.shape }),
  response: z.intersection(envelope, responseBody),
} as const;

export type Envelope = z.infer<typeof envelope>;
export type StateBody = z.infer<typeof stateBody>;
export type TaskMetrics = z.infer<typeof taskMetrics>;
export type MetricsBody = z.infer<typeof metricsBody>;
export type ResultBody = z.infer<typeof resultBody>;
export type ResultEventBody = z.infer<typeof resultEventBody>;
export type OfferStatus = z.infer<typeof offer>;
export type EventBody = z.infer<typeof eventBody>;
export type AdapterBody = z.infer<typeof adapterBody>;
export type ResponseBody = z.infer<typeof responseBody>;
export type ServedVersion = z.infer<typeof servedVersion>;

export type Verb = keyof typeof requestSchemas;
export type RequestOf<V extends Verb> = z.infer<(typeof requestSchemas)[V]>;
export type ReportKind = keyof typeof reportSchemas;
export type ReportOf<K extends ReportKind> = z.infer<(typeof reportSchemas)[K]>;

/** Whether this program knows the verb. */
export function isVerb(verb: string): verb is Verb {
  return Object.hasOwn(requestSchemas, verb);
}

/**
 * Reads a payload: JSON, then the version, then the schema.
 * @throws LichenError `payload-not-json`, `version-unsupported` or `payload-invalid`, naming topic and field.
 */
export function parsePayload<T>(schema: z.ZodType<T>, topic: string, payload: Uint8Array): T {
  const value = parseJson(topic, payload);
  const version =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>).v : undefined;
  if (version !== undefined && version !== CONTRACT_VERSION) {
    throw new LichenError(
      'version-unsupported',
      `Message on ${topic} has version ${JSON.stringify(version)}; this program speaks version ${CONTRACT_VERSION}. ` +
        'Update the older of the two sides.',
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 5).map((issue) => {
    const field = issue.path.map(String).join('.');
    return `${field === '' ? 'the payload' : field}: ${issue.message}`;
  });
  throw new LichenError(
    'payload-invalid',
    `Message on ${topic} does not fit its schema. ${issues.join('; ')}.`,
  );
}

/** The payload as JSON, of any shape. @throws LichenError `payload-not-json`. */
export function parseJson(topic: string, payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new LichenError(
      'payload-not-json',
      `Message on ${topic} (${payload.length} bytes) is not JSON in UTF-8.`,
      { cause },
    );
  }
}
