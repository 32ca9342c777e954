import { z } from 'zod';
import { canonicalJson } from './canonical-json.js';

/** The format that this program writes, and the newest that it reads. */
export const PACK_FORMAT = 1;

const name = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'expected 1 to 64 of a-z, A-Z, 0-9, _ and -');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex characters');
const versionNumber = z.int().min(1);

/** What a pack says about itself. Nothing is optional and nothing is passed over: all of it is signed. */
export const packManifestSchema = z.strictObject({
  format: z.literal(PACK_FORMAT),
  task: name,
  /** In the order of the adapter's outputs. */
  classes: z
    .array(z.string().min(1).max(64))
    .min(1)
    .max(1_000)
    .refine((classes) => new Set(classes).size === classes.length, 'a class is listed twice'),
  isolation: z.enum(['frozen', 'piggyback', 'pnn', 'shared', 'den', 'cpg']),
  /** The frozen network that the adapter belongs to. */
  backbone: z.strictObject({ name: z.string().min(1).max(200), sha256, split: z.string().min(1).max(200) }),
  /** The version's number in its task. */
  version: versionNumber,
  /** Versions that must be on the device already: the earlier columns that a PNN column reads. */
  requires: z.array(z.strictObject({ task: name, version: versionNumber, sha256 })).max(100),
  adapter: z.strictObject({ sha256, bytes: z.int().min(1) }),
  /** How good it was where it was trained, for instance heldOutAccuracy (0 to 1). */
  metrics: z
    .record(z.string().min(1).max(100), z.number())
    .refine((metrics) => Object.keys(metrics).length <= 100, 'expected at most 100 metrics'),
  /** Of its outputs on the fixed probes. */
  digest: z.string().min(1).max(200),
  createdAt: z.iso.datetime(),
  /** The id of the key that signed it, see keys.ts. */
  signer: z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 lower-case hex characters'),
});

export type PackManifest = z.infer<typeof packManifestSchema>;

/** The one sequence of bytes that stands for a manifest. */
export function encodeManifest(manifest: PackManifest): Uint8Array {
  return Buffer.from(canonicalJson(manifest));
}

/**
 * The manifest that these bytes stand for.
 * @throws Error with the reason; also where they stand for one in another way than `encodeManifest` writes it.
 */
export function decodeManifest(bytes: Uint8Array): PackManifest {
  const manifest = checkManifest(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  if (!Buffer.from(encodeManifest(manifest)).equals(bytes))
    throw new Error('its manifest is not in canonical form');
  return manifest;
}

/**
 * The value as a manifest.
 * @throws Error that names each wrong field
 */
export function checkManifest(value: unknown): PackManifest {
  const result = packManifestSchema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'manifest'}: ${message}`,
  );
  throw new Error(`its manifest is not as it must be (${issues.slice(0, 5).join('; ')})`);
}
