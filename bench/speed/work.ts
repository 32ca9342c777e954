import { Backbone } from '../../src/backbone/backbone.js';
import { encodeLatent, type LatentShape } from '../../src/backbone/latent.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import type { Engine } from '../../src/engine/engine.js';
import { FineTuning } from '../../src/learn/isolation/fine-tuning.js';
import { Piggyback } from '../../src/learn/isolation/piggyback.js';
import type { Crown, Isolation } from '../../src/learn/strategy.js';
import { sizeOf } from '../../src/onnx/model.js';
import { convNet, mobileNetTop } from './networks.js';
import { hashed, uniform } from './values.js';

/** What is trained step by step on both sides. */
export const WORKS = ['step', 'convnet', 'mobilenet'] as const;
export type WorkName = (typeof WORKS)[number];

/** Classes of every work's head; sample `i` is of class `i % CLASSES`. */
export const CLASSES = 10;

/** One batch and what to train on it. The numbers are those of the Python file of the same name. */
export interface Work {
  crown: Crown;
  codec: LatentShape;
  isolation: Isolation;
  headRate: number;
  /** Encoded latents, one batch of them. */
  latents: Uint8Array[];
}

/**
 * @param split for `step`: another tensor of the default backbone to cut at than its manifest's
 */
export async function workNamed(
  engine: Engine,
  name: WorkName,
  batch: number,
  split?: string,
): Promise<Work> {
  if (name === 'convnet') return ordinary(convNet(), 1e-3, batch);
  if (name === 'mobilenet') return ordinary(mobileNetTop(), 1e-4, batch);
  const backbone = await Backbone.open(defaultManifest(), engine, split);
  const codec = backbone.latentCodec;
  const isolation = new Piggyback({ initial: 1e-2, threshold: 5e-3, maskRate: 3e-4, channelRate: 3e-3 });
  const latents = exactLatents(batch, codec);
  return { crown: backbone.crown, codec, isolation, headRate: 3e-3, latents };
}

/** All weights trained, on numbers that are kept as they are. */
function ordinary(crown: Crown, rate: number, batch: number): Work {
  const [channels, ...positions] = crown.latentShape as [number, ...number[]];
  const codec: LatentShape = { channels, positions: sizeOf(positions), encoding: 'float32' };
  const isolation = new FineTuning(rate);
  return {
    crown,
    codec,
    isolation,
    headRate: rate,
    latents: encoded(uniform(1, batch * sizeOf(crown.latentShape), 1), codec),
  };
}

/** Latents that one byte a value holds exactly: whole numbers over 64, the largest of each channel 127. */
function exactLatents(batch: number, codec: LatentShape): Uint8Array[] {
  const { channels, positions } = codec;
  const hashes = hashed(1, batch * channels * positions);
  const steps = Float32Array.from(hashes, (h, i) => (i % positions === 0 ? 127 : (h % 255) - 127) / 64);
  return encoded(steps, codec);
}

function encoded(values: Float32Array, codec: LatentShape): Uint8Array[] {
  const size = codec.channels * codec.positions;
  return Array.from({ length: values.length / size }, (_, i) =>
    encodeLatent(values.subarray(i * size, (i + 1) * size), codec),
  );
}
