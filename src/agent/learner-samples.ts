import { decodeLatent, type LatentShape } from '../backbone/latent.js';
import type { LabelledLatent } from '../learn/candidate.js';
import type { Samples } from '../learn/samples.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Task } from '../store/tasks.js';

/** What the replay memory holds of a task. */
export function rememberedSamples(memory: ReplayMemory, { name, classes }: Task): LabelledLatent[] {
  return memory.refs({ task: name }).map((ref) => ({
    latent: memory.read(ref),
    label: classes.indexOf(ref.label),
    heldOut: ref.heldOut,
    fresh: false,
  }));
}

/**
 * Encoded latents as a learner of several tasks reads them.
 * @param numbers for every class of the task its number in the learner; samples of other classes are left out
 */
export function learnerSamples(
  labelled: readonly LabelledLatent[],
  numbers: readonly number[],
  codec: LatentShape,
): Samples {
  const known = labelled.filter((s) => numbers[s.label] !== undefined);
  return {
    count: known.length,
    width: codec.channels * codec.positions,
    labels: known.map((s) => numbers[s.label]!),
    read: (index, into, offset) => decodeLatent(known[index]!.latent, codec, into, offset),
  };
}
