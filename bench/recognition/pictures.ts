import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Backbone } from '../../src/backbone/backbone.js';
import { readPicture } from '../../src/backbone/picture.js';
import type { Trunk } from '../../src/backbone/trunk.js';
import { classesOf } from '../../src/capture/class-folders.js';
import { sizeOf } from '../../src/onnx/model.js';
import { readFashion } from '../continual/fashion.js';
import { type Dataset, readDataset } from '../data.js';

/** Photographs of one set with their latents. */
export interface PictureSet {
  name: string;
  files: string[];
  /** Label of each. */
  labels: string[];
  classes: string[];
  latents: Uint8Array[];
}

/** What happens to a picture on its way, more or less of it: 0 is nothing, 1 is all of it. */
export type Change = (picture: Buffer, much: number) => Promise<Buffer>;

/** Changes that a camera sees: slowly over a day or a year, or at once. */
export const CHANGES: Record<'light' | 'blur' | 'rotation', Change> = {
  light: (picture, much) =>
    sharp(picture)
      .linear(1 - 0.8 * much, 0)
      .png()
      .toBuffer(),
  blur: (picture, much) =>
    much < 0.02
      ? Promise.resolve(picture)
      : sharp(picture)
          .blur(0.3 + 5 * much)
          .png()
          .toBuffer(),
  rotation: (picture, much) =>
    sharp(picture)
      .rotate(60 * much, { background: '#808080' })
      .png()
      .toBuffer(),
};

/** @throws LichenError `bench-data-missing` */
export async function readSet(
  folder: string,
  name: Dataset,
  backbone: Backbone,
  trunk: Trunk,
  say: (text: string) => void,
): Promise<PictureSet> {
  const files = readDataset(folder, name);
  const paths = files.map((f) => f.file);
  const latents = await latentsOf(
    paths.map((path) => () => readFile(path)),
    backbone,
    trunk,
    (done) => say(`${name}: ${done}/${paths.length} pictures read`),
  );
  return { name, files: paths, labels: files.map((f) => f.label), classes: classesOf(files), latents };
}

/** Of each class of Fashion-MNIST so many, of those that others test on. */
const EACH = 140;
const CLOTHES = [
  't-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

/**
 * Fashion-MNIST's pictures, small and grey: a task that is unlike photographs of hands and of tiles.
 * @throws LichenError `bench-data-missing`
 */
export async function readClothes(
  backbone: Backbone,
  trunk: Trunk,
  say: (text: string) => void,
): Promise<PictureSet> {
  const { pixels, labels, rows, columns } = readFashion('test');
  const size = rows * columns;
  const seen = CLOTHES.map(() => 0);
  const chosen = [...labels].flatMap((label, i) => (seen[label]!++ < EACH ? [i] : []));
  const latents = await latentsOf(
    chosen.map((i) => () => {
      const raw = { width: columns, height: rows, channels: 1 } as const;
      return sharp(pixels.subarray(i * size, (i + 1) * size), { raw })
        .png()
        .toBuffer();
    }),
    backbone,
    trunk,
    (done) => say(`clothes: ${done}/${chosen.length} pictures read`),
  );
  return {
    ...{ name: 'clothes', files: chosen.map((i) => `fashion-mnist ${i}`), latents },
    labels: chosen.map((i) => CLOTHES[labels[i]!]!),
    classes: [...CLOTHES].sort(),
  };
}

/** Latents of pictures that are made one by one. */
export async function latentsOf(
  pictures: readonly (() => Promise<Buffer>)[],
  { manifest: { input } }: Backbone,
  trunk: Trunk,
  onProgress: (done: number) => void,
  batch = 8,
): Promise<Uint8Array[]> {
  const size = sizeOf([3, input.height, input.width]);
  const values = new Float32Array(batch * size);
  const latents: Uint8Array[] = [];
  for (let from = 0; from < pictures.length; from += batch) {
    const part = pictures.slice(from, from + batch);
    await Promise.all(part.map(async (make, i) => readPicture(await make(), input, values, i * size)));
    latents.push(...(await trunk.latents(values, part.length)));
    onProgress(latents.length);
  }
  return latents;
}
