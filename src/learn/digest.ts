import { createHash } from 'node:crypto';
import { encodeLatent, type LatentShape } from '../backbone/latent.js';
import type { Engine } from '../engine/engine.js';
import { OrtEngine } from '../engine/ort.js';
import { Random } from '../random.js';
import type { Deployed } from './deploy.js';
import { TaskNetwork } from './network.js';

/** Probes that a digest is taken over. */
const PROBES = 8;

/**
 * Made-up latents, the same everywhere: they hold nothing of any picture, and can be recomputed by whoever
 * wants to verify a task.
 */
export function probes(codec: LatentShape): Uint8Array[] {
  const random = new Random(0x11c4e2);
  const size = codec.channels * codec.positions;
  return Array.from({ length: PROBES }, () =>
    encodeLatent(
      Float32Array.from({ length: size }, () => 2 * random.normal()),
      codec,
    ),
  );
}

/**
 * The digest of a deployed task's answers on the probes: sha256 over the raw bits of all probabilities. One
 * thread and one sample a run, so that neither the number of cores nor batching can change a bit. Two
 * processors of different kinds may round differently; a digest is compared on the device that recorded it. It is
 * always of ONNX Runtime's answers, so that it does not change with the engine that serves.
 */
export async function digestOf(engine: Engine, deployed: Deployed, codec: LatentShape): Promise<string> {
  const runtime = engine.name === 'ort' ? engine : new OrtEngine();
  const network = await TaskNetwork.open(runtime, deployed, codec, { threads: 1, arena: false });
  try {
    const { data } = await network.probabilities(probes(codec), 1);
    return createHash('sha256')
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      .digest('hex');
  } finally {
    await network.close();
  }
}
