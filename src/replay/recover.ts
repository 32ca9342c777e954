import { LichenError } from '../errors.js';
import type { Random } from '../random.js';
import { Groups } from './groups.js';
import { type MemoryView, memoryView, type RetentionPolicy } from './policy.js';
import { decodeRecord, encodeRecord } from './record.js';
import type { Slab } from './slab.js';
import { SlotIndex } from './slot-index.js';
import { decodeState, restoreGroups, type SavedState } from './state.js';

/** What a file holds once it has been read and fitted to its slots. */
export interface Recovered {
  index: SlotIndex;
  groups: Groups;
  state: SavedState;
  /** Slots that were torn by a crash or are damaged; they count as empty. */
  damagedSlots: number;
  /** Whether the file was changed, so that a flush is due. */
  changed: boolean;
}

/**
 * Reads a file after whatever happened to it, and makes it fit so many slots. A crash in the middle changes
 * nothing but that the next call does the rest: samples are copied before their old place is given up.
 */
export function recover(
  slab: Slab,
  slots: number,
  policy: RetentionPolicy,
  randomAt: (arrivals: number) => Random,
): Recovered {
  const fileSlots = slab.slots();
  const groups = new Groups();
  const index = new SlotIndex(Math.max(slots, fileSlots));
  const { order, damagedSlots } = readSlots(slab, fileSlots, index, groups);
  const duplicates = dropDuplicates(slab, index);
  countKept(index, groups);
  const state = restoreState(slab, groups);
  state.order = Math.max(state.order, order);

  const view = memoryView(index, groups, slots - 1, (slot) => latentOf(slab, slot));
  const random = randomAt(state.arrivals);
  const evicted = evictDownTo(slots, slab, view, index, groups, () => policy.spare(view, random));
  const cut = fileSlots > slots;
  if (cut) {
    moveBelow(slots, slab, index, groups);
    // The copies must be safe before the originals are cut off.
    slab.sync();
    slab.truncate(slots);
  }
  return {
    index: cut ? firstOf(slots, index) : index,
    groups,
    state,
    damagedSlots,
    changed: duplicates > 0 || evicted > 0 || cut,
  };
}

/** Fills index and groups from the slots; duplicates are still among them and nothing is counted yet. */
function readSlots(
  slab: Slab,
  fileSlots: number,
  index: SlotIndex,
  groups: Groups,
): { order: number; damagedSlots: number } {
  let order = 0;
  let damagedSlots = 0;
  for (let slot = 0; slot < fileSlots; slot++) {
    const bytes = slab.readSlot(slot);
    if (bytes === 'damaged') damagedSlots++;
    if (typeof bytes === 'string') continue;
    const record = decodeRecord(bytes);
    const group = groups.obtain(record.task, record.label, record.heldOut);
    index.set(slot, record.id, group.number, record.at, record.order);
    order = Math.max(order, record.order);
  }
  return { order, damagedSlots };
}

/** A crash while relabelling or moving leaves a sample twice: the later record, or the lower slot, is true. */
function dropDuplicates(slab: Slab, index: SlotIndex): number {
  const slots = index
    .used()
    .sort((a, b) => index.compareIds(a, b) || index.order(b) - index.order(a) || a - b);
  let dropped = 0;
  let kept = -1;
  for (const slot of slots) {
    if (kept >= 0 && index.compareIds(kept, slot) === 0) {
      index.clear(slot);
      slab.clearSlot(slot);
      dropped++;
    } else {
      kept = slot;
    }
  }
  return dropped;
}

function countKept(index: SlotIndex, groups: Groups): void {
  for (const slot of index.used()) groups.get(index.group(slot)).kept++;
  for (const group of groups.list()) group.seen = group.kept;
  groups.dropEmpty();
}

/** The later of the two copies that is whole; without one, what is here is all that ever came. */
function restoreState(slab: Slab, groups: Groups): SavedState {
  const [latest] = [slab.readState(0), slab.readState(1)]
    .filter((bytes) => bytes !== undefined)
    .map((bytes) => ({ bytes, state: decodeState(bytes) }))
    .sort((a, b) => b.state.number - a.state.number);
  const known = groups.list();
  if (latest === undefined)
    return { number: 0, arrivals: known.reduce((sum, { kept }) => sum + kept, 0), order: 0 };
  restoreGroups(latest.bytes, known);
  return latest.state;
}

/** Lets the policy choose who goes until one slot of `slots` is spare. */
function evictDownTo(
  slots: number,
  slab: Slab,
  view: MemoryView,
  index: SlotIndex,
  groups: Groups,
  choose: () => number,
): number {
  let evicted = 0;
  while (view.size > view.capacity) {
    const slot = choose();
    const group = groups.get(index.group(slot));
    index.clear(slot);
    group.kept--;
    groups.dropEmpty();
    // What lies beyond is cut off anyway.
    if (slot < slots) slab.clearSlot(slot);
    evicted++;
  }
  return evicted;
}

function moveBelow(slots: number, slab: Slab, index: SlotIndex, groups: Groups): void {
  for (const slot of index.used()) {
    if (slot < slots) continue;
    const group = groups.get(index.group(slot));
    const bytes = slab.readSlot(slot);
    index.clear(slot);
    if (typeof bytes === 'string') {
      // The disk lost it since it was read a moment ago.
      group.kept--;
      groups.dropEmpty();
      continue;
    }
    const record = decodeRecord(bytes);
    const target = index.firstEmpty();
    slab.writeSlot(target, encodeRecord(record));
    index.set(target, record.id, group.number, record.at, record.order);
  }
}

function firstOf(slots: number, index: SlotIndex): SlotIndex {
  const shorter = new SlotIndex(slots);
  for (const slot of index.used()) {
    shorter.set(slot, index.id(slot), index.group(slot), index.at(slot), index.order(slot));
  }
  return shorter;
}

function latentOf(slab: Slab, slot: number): Uint8Array {
  const bytes = slab.readSlot(slot);
  if (typeof bytes !== 'string') return decodeRecord(bytes).latent;
  throw new LichenError(
    'sample-damaged',
    `Slot ${slot} of the replay memory ${slab.file} was whole a moment ago and is damaged now. The card or disk is failing.`,
  );
}
