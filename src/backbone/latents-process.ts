import { openEngine } from '../engine/choose.js';
import type { EngineChoice } from '../engine/engine.js';
import { messageOf } from '../errors.js';
import { Backbone } from './backbone.js';
import { latentsOfFiles, type PictureLatent, type Unreadable } from './latents.js';

/** What the process is asked for. */
export interface LatentsJob {
  manifest: string;
  split?: string;
  files: readonly string[];
  batch: number;
  /** What computes; ONNX Runtime unless given. */
  engine?: EngineChoice;
  /** Threads that compute; as many as there are cores unless given. */
  threads?: number;
}

/** What it answers, one message a batch and one at the end. */
export type LatentsMessage =
  | { kind: 'batch'; latents: PictureLatent[]; done: number }
  | { kind: 'end'; unreadable: Unreadable[]; peakRssBytes: number }
  | { kind: 'failed'; message: string };

/** Whoever asked is gone: nobody wants the rest. */
const orphaned = () => process.exit(1);

const send = (message: LatentsMessage) => new Promise((resolve) => process.send!(message, resolve));

/** Entry of the process that `latentsInProcess` starts: decodes pictures and runs the trunk, then ends. */
process.once('disconnect', orphaned);
process.once('message', (job: LatentsJob) => {
  work(job)
    .catch((error: unknown) => send({ kind: 'failed', message: messageOf(error) }))
    .finally(() => {
      process.off('disconnect', orphaned);
      process.disconnect();
    });
});

async function work({
  manifest,
  split,
  files,
  batch,
  engine: choice = 'auto',
  threads,
}: LatentsJob): Promise<void> {
  const engine = openEngine(choice);
  const backbone = await Backbone.open(manifest, engine, split);
  const trunk = await backbone.openTrunk(engine, { threads });
  const unreadable: Unreadable[] = [];
  // A few batches a message: a message costs about as much as a picture.
  const portion = 8 * batch;
  for (let from = 0; from < files.length; from += portion) {
    const part = files.slice(from, from + portion);
    const read = await latentsOfFiles(part, trunk, backbone.manifest.input, batch);
    unreadable.push(...read.unreadable);
    await send({ kind: 'batch', latents: read.latents, done: from + part.length });
  }
  await trunk.close();
  await send({ kind: 'end', unreadable, peakRssBytes: process.resourceUsage().maxRSS * 1024 });
}
