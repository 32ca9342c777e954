import type { Random } from '../random.js';
import type { Group } from './groups.js';
import type { Admission, MemoryView, RetentionPolicy } from './policy.js';

/** A group of training samples may be this many times as large as one of held-out samples. */
const TRAINING_WEIGHT = 4;

/**
 * Class-balanced reservoir sampling (Chrysakis & Moens, 'Online continual learning from imbalanced data',
 * 2020), with weights: groups share the memory in proportion to their weight, however unequal the stream is,
 * and within a group every sample that came has the same chance to be kept.
 *
 * While there is room, everything is kept. In a full memory, a group that is or has been the largest
 * (`settled`) runs a reservoir of its own; any other group grows at the expense of the largest.
 */
export class BalancedReservoir implements RetentionPolicy {
  admit(group: Group, _latent: Uint8Array, view: MemoryView, random: Random): Admission {
    const groups = view.groups();
    if (view.size < view.capacity) {
      // 'Largest' means something only where groups compete; free room also comes back after a removal.
      for (const other of groups) other.settled = false;
      return { keep: true };
    }
    const largest = pick(largestOf(groups), random);
    const share = largest.kept / weight(largest);
    for (const other of groups) if (other.kept / weight(other) === share) other.settled = true;
    // A group without a sample always gets one. Another takes from the largest, never its last one, and only
    // what does not make it larger than the largest was.
    const grows = !group.settled && largest.kept > 1 && (group.kept + 1) / weight(group) <= share;
    if (group.kept === 0 || grows) return { keep: true, evict: anyOf(largest, view, random) };
    if (random.int(group.seen) >= group.kept) return { keep: false };
    return { keep: true, evict: anyOf(group, view, random) };
  }

  spare(view: MemoryView, random: Random): number {
    return anyOf(pick(largestOf(view.groups()), random), view, random);
  }

  regrouped(view: MemoryView): void {
    for (const group of view.groups()) group.settled = false;
  }
}

/** The groups with the most samples for their weight, among those with more than one; without such, all. */
function largestOf(groups: readonly Group[]): Group[] {
  const several = groups.filter((group) => group.kept > 1);
  if (several.length === 0) return groups.filter((group) => group.kept > 0);
  const share = Math.max(...several.map((group) => group.kept / weight(group)));
  return several.filter((group) => group.kept / weight(group) === share);
}

function weight(group: Group): number {
  return group.heldOut ? 1 : TRAINING_WEIGHT;
}

function anyOf(group: Group, view: MemoryView, random: Random): number {
  return pick(view.slotsOf(group), random);
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[random.int(items.length)]!;
}
