import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readFileSync, readSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { LichenError, messageOf } from '../errors.js';
import { ExternalData } from '../onnx/external.js';
import { openInside, readWhole } from '../onnx/files.js';

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

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** The file that stands beside a backbone and says how to use it. */
export const manifestSchema = z.object({
  format: z.literal(1),
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
  file: z.string().describe('the ONNX file, relative to this manifest'),
  sha256: sha256Schema,
  externalData: z
    .array(
      z.object({
        file: z.string().min(1).describe('as the ONNX file names it: relative to the folder that it is in'),
        sha256: sha256Schema,
      }),
    )
    .optional()
    .describe('every file beside the ONNX file that it keeps data of tensors in'),
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

/** A manifest, and what it is of. */
export interface LoadedManifest {
  manifest: BackboneManifest;
  /** The ONNX file's bytes. */
  model: Uint8Array;
  modelFile: string;
  /** The files that the model may keep its data in: those that the manifest lists. */
  external: ExternalData;
  /** Bytes of the ONNX file and its external data. */
  bytes: number;
  /** Identifies the weights: the ONNX file's sha256, with external data one of all the files' sha256. */
  sha256: string;
}

/**
 * Reads a manifest and the model's bytes, and checks them, and the files of external data, against each other.
 * @throws LichenError `backbone-unreadable` (a file is missing, or they have more than 2 GiB), `backbone-invalid` (schema, or a file is not the
 *   one meant), or `onnx-invalid` for a large file that is no model
 */
export function loadManifest(file: string): LoadedManifest {
  const manifest = readManifest(file);
  const modelFile = resolve(dirname(file), manifest.file);
  const folder = dirname(modelFile);
  const listed = manifest.externalData ?? [];
  const sizes = listed.map((e) => sizeInside(folder, e.file));
  const besides = sizes.reduce((sum, size) => sum + size, 0);
  let model: Buffer;
  try {
    model = readWhole(modelFile, besides);
  } catch (error) {
    if (error instanceof LichenError) throw error;
    throw unreadable(modelFile, error);
  }
  const check = (path: string, found: string, expected: string) => {
    if (found === expected) return;
    throw new LichenError(
      'backbone-invalid',
      `${path} is not the file that ${file} means: its sha256 is ${found}, expected ${expected}. ` +
        'Restore the file, or correct the manifest if the change was meant.',
    );
  };
  check(modelFile, createHash('sha256').update(model).digest('hex'), manifest.sha256);
  for (const e of listed) check(join(folder, e.file), hashInside(folder, e.file), e.sha256);
  const names = new Set(listed.map((e) => e.file));
  const external = new ExternalData(folder, model.length, (location) => {
    if (names.has(location)) return;
    throw new LichenError(
      'backbone-invalid',
      `${modelFile} keeps data in '${location}', which ${file} does not list; add its name and sha256 to ` +
        "'externalData', so that the weights are known to be the ones meant",
    );
  });
  return {
    manifest,
    model,
    modelFile,
    external,
    bytes: model.length + besides,
    sha256: identity(manifest),
  };
}

function identity({ sha256, externalData = [] }: BackboneManifest): string {
  if (externalData.length === 0) return sha256;
  const all = [sha256, ...externalData.map((e) => `${e.sha256} ${e.file}`).sort()];
  return createHash('sha256').update(all.join('\n')).digest('hex');
}

function readManifest(file: string): BackboneManifest {
  const invalid = (why: string) =>
    new LichenError('backbone-invalid', `${file} is not a usable manifest: ${why}`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EISDIR') {
      throw invalid('it is a folder; give the manifest in it, a JSON file');
    }
    throw unreadable(file, error);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    // The parser's message would show the bytes of a model as they are.
    const binary = /[^\P{Cc}\s]|\uFFFD/u.test(text.slice(0, 4096));
    throw invalid(
      binary
        ? 'it is not JSON but a binary file; where it is the model itself, give the manifest that was written beside it'
        : `it is not JSON (${messageOf(error)})`,
    );
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error).replaceAll('\n', '; '));
  return parsed.data;
}

const unreadable = (path: string, error: unknown) =>
  new LichenError('backbone-unreadable', `cannot read the backbone's ${path}: ${messageOf(error)}`, {
    cause: error,
  });

function withInside<T>(folder: string, name: string, use: (file: number) => T): T {
  let file: number | undefined;
  try {
    file = openInside(folder, name);
    return use(file);
  } catch (error) {
    throw unreadable(join(folder, name), error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

const sizeInside = (folder: string, name: string) => withInside(folder, name, (file) => fstatSync(file).size);

/** The sha256 of a file that may be too large to be read at once. */
function hashInside(folder: string, name: string): string {
  return withInside(folder, name, (file) => {
    const hash = createHash('sha256');
    const piece = new Uint8Array(2 ** 20);
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      hash.update(piece.subarray(0, read));
    }
    return hash.digest('hex');
  });
}
