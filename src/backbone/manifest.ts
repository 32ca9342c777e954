import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { LichenError, messageOf } from '../errors.js';

/** One number for all channels, or one a channel: red, green, blue. */
const channels = <T extends z.ZodNumber>(value: T) => z.union([value, z.tuple([value, value, value])]);

/** How a picture becomes the network's input. */
const inputSchema = z.object({
  name: z.string().describe("the input tensor's name"),
  width: z.int().positive().describe('pixels'),
  height: z.int().positive().describe('pixels'),
  layout: z.literal('NCHW'),
  colour: z.literal('RGB'),
  mean: channels(z.number()).describe('subtracted from each value in 0..255; one number, or one a channel'),
  std: channels(z.number().positive()).describe(
    'each value is divided by this after the mean is taken off; one number, or one a channel',
  ),
});

/** The file that stands beside a backbone and says how to use it. */
export const manifestSchema = z.object({
  format: z.literal(1),
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
  file: z.string().describe('the ONNX file, relative to this manifest'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  licence: z.string(),
  source: z.string(),
  input: inputSchema,
  features: z.string().describe('the output tensor that heads are put on'),
  split: z.string().describe('the tensor at which trunk and crown are cut'),
  latentShape: z
    .array(z.int().positive())
    .optional()
    .describe(
      'shape of one latent at the split, without the batch; found by running the trunk once if not given',
    ),
});
export type BackboneManifest = z.infer<typeof manifestSchema>;
export type PictureInput = BackboneManifest['input'];

/** The folder of the package: the same from src/ and from dist/src/. */
export function packageRoot(): string {
  const here = fileURLToPath(new URL('../..', import.meta.url));
  return here.endsWith('dist/') ? resolve(here, '..') : resolve(here);
}

/** The manifest of the backbone that comes with Lichen. */
export function defaultManifest(): string {
  return resolve(packageRoot(), 'models/efficientnet-lite0.json');
}

/**
 * Reads a manifest and the model's bytes, and checks them against each other.
 * @throws LichenError `backbone-unreadable` or `backbone-invalid` (schema, or the file is not the one meant)
 */
export function loadManifest(file: string): {
  manifest: BackboneManifest;
  model: Uint8Array;
  modelFile: string;
} {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new LichenError(
        'backbone-unreadable',
        `cannot read the backbone's ${path}: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  };
  const invalid = (why: string) =>
    new LichenError('backbone-invalid', `${file} is not a usable manifest: ${why}`);
  let json: unknown;
  try {
    json = JSON.parse(read(file).toString('utf8'));
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw invalid(`it is not JSON (${messageOf(error)})`);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error).replaceAll('\n', '; '));
  const manifest = parsed.data;
  const modelFile = resolve(dirname(file), manifest.file);
  const model = read(modelFile);
  const sha256 = createHash('sha256').update(model).digest('hex');
  if (sha256 !== manifest.sha256) {
    throw new LichenError(
      'backbone-invalid',
      `${modelFile} is not the file that ${file} means: its sha256 is ${sha256}, expected ${manifest.sha256}. ` +
        'Restore the file, or correct the manifest if the change was meant.',
    );
  }
  return { manifest, model, modelFile };
}
