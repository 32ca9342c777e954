import type { PictureLatent, Unreadable } from '../backbone/latents.js';
import { latentsInProcess } from '../backbone/latents-in-process.js';
import type { LabelledFile } from '../capture/class-folders.js';
import type { EngineChoice } from '../engine/engine.js';
import type { LabelledLatent } from '../learn/candidate.js';
import { isHeldOut } from '../replay/held-out.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Task } from '../store/tasks.js';
import type { Device } from './device.js';

/** Pictures that the trunk takes at once. */
const TRUNK_BATCH = 4;

/** The pictures of a folder as training sees them. */
export interface FolderSamples {
  /** Ids of the labelled ones, in their order. */
  ids: string[];
  labelled: LabelledLatent[];
  unreadable: Unreadable[];
  /** Pictures that were there already under another name. */
  duplicates: number;
  /** Pictures that lie in the folders of two classes; left out. */
  conflicts: string[];
  /** Peak memory of the process that read the pictures. */
  readerPeak: number;
}

/** Computes the latents of labelled pictures in processes of their own, and says which are held out. */
export async function readSamples(
  { backbone }: Device,
  manifest: string,
  files: readonly LabelledFile[],
  task: Task,
  { heldOut, engine }: { heldOut: number; engine: EngineChoice },
  onProgress: (done: number) => void,
): Promise<FolderSamples> {
  const read = await latentsInProcess(
    { manifest, split: backbone.id.split, files: files.map((f) => f.file), batch: TRUNK_BATCH, engine },
    onProgress,
  );
  const labelOf = new Map(files.map((f) => [f.file, f.label]));
  const byId = new Map<string, { latent: PictureLatent; labels: Set<string> }>();
  let duplicates = 0;
  for (const latent of read.latents) {
    const label = labelOf.get(latent.file)!;
    const known = byId.get(latent.id);
    if (known) {
      duplicates++;
      known.labels.add(label);
    } else byId.set(latent.id, { latent, labels: new Set([label]) });
  }
  const labelled: LabelledLatent[] = [];
  const ids: string[] = [];
  const conflicts: string[] = [];
  for (const { latent, labels } of byId.values()) {
    if (labels.size > 1) {
      conflicts.push(`${latent.file} (${[...labels].join(', ')})`);
      continue;
    }
    ids.push(latent.id);
    labelled.push({
      latent: latent.latent,
      label: task.classes.indexOf([...labels][0]!),
      heldOut: heldOut > 0 && isHeldOut(latent.id, heldOut),
      fresh: true,
    });
  }
  return { ids, labelled, unreadable: read.unreadable, duplicates, conflicts, readerPeak: read.peakRssBytes };
}

/** Keeps the samples for the trainings of later tasks; on disk when this returns. */
export function remember(memory: ReplayMemory, task: Task, { ids, labelled }: FolderSamples): void {
  const at = Date.now();
  labelled.forEach(({ latent, label, heldOut }, i) => {
    memory.add({ id: ids[i]!, task: task.name, label: task.classes[label]!, heldOut, at, latent });
  });
  memory.flush();
}
