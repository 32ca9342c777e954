import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backbone } from '../../src/backbone/backbone.js';
import { sampleId } from '../../src/backbone/latents.js';
import { readPicture } from '../../src/backbone/picture.js';
import type { Trunk } from '../../src/backbone/trunk.js';
import { sizeOf } from '../../src/onnx/model.js';
import { isHeldOut } from '../../src/replay/held-out.js';

const FOLDER = new URL('../../models/demo-pictures/', import.meta.url).pathname;

/** A real photograph of the demo. */
export interface Photograph {
  file: string;
  bytes: Buffer;
  label: string;
  id: string;
}

/** `count` photographs of a class of 'shoes-and-bags' or 'tops', the same ones every time. */
export function photographs(
  label: string,
  count: number,
  { task = 'shoes-and-bags', part = 'train', from = 0 } = {},
): Photograph[] {
  const folder = join(FOLDER, part, task, label);
  return readdirSync(folder)
    .sort()
    .slice(from, from + count)
    .map((name) => {
      const file = join(folder, name);
      const bytes = readFileSync(file);
      return { file, bytes, label, id: sampleId(bytes) };
    });
}

/** `training` photographs of a class that are not held out and `heldOut` that are, at a share of one in five. */
export function splitPhotographs(
  label: string,
  training: number,
  heldOut: number,
  task = 'shoes-and-bags',
): Photograph[] {
  const all = photographs(label, 100, { task });
  return [
    ...all.filter((p) => !isHeldOut(p.id)).slice(0, training),
    ...all.filter((p) => isHeldOut(p.id)).slice(0, heldOut),
  ];
}

/** The latent of each photograph, by the real trunk. */
export async function latentsOf(
  backbone: Backbone,
  trunk: Trunk,
  pictures: readonly Photograph[],
): Promise<Uint8Array[]> {
  const { input } = backbone.manifest;
  const size = sizeOf([3, input.height, input.width]);
  const latents: Uint8Array[] = [];
  for (let from = 0; from < pictures.length; from += 8) {
    const part = pictures.slice(from, from + 8);
    const data = new Float32Array(part.length * size);
    await Promise.all(part.map((p, i) => readPicture(p.bytes, input, data, i * size)));
    latents.push(...(await trunk.latents(data, part.length)));
  }
  return latents;
}
