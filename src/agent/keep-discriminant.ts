import type { Engine } from '../engine/engine.js';
import type { DescribedTraining } from '../learn/candidate.js';
import { StreamingDiscriminant } from '../learn/streaming/slda.js';
import type { Store } from '../store/store.js';
import type { Task } from '../store/tasks.js';

/** Keeps the discriminant of the training samples, which answers at once, and by which the task is recognized. */
export async function keepDiscriminant(
  { engine, store }: { engine: Engine; store: Store },
  task: Task,
  chosen: { shrinkage: number | null; temperature: number },
  { summary, labels, blocks }: DescribedTraining,
): Promise<void> {
  const discriminant = new StreamingDiscriminant(blocks);
  discriminant.shrinkage = chosen.shrinkage ?? discriminant.shrinkage;
  const names = labels.map((label) => task.classes[label]!);
  await discriminant.addAll(engine, summary, names);
  discriminant.calibrateTo(chosen.temperature);
  store.discriminants.save(task.name, discriminant.encode());
}
