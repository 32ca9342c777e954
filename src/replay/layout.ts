/**
 * The bytes of the replay memory's file, and what all of it costs, on disk and in memory. Whole numbers are
 * little-endian.
 *
 *     0      header, 4,096 bytes, written once
 *     4096   state A, 16,384 bytes   } written in turn; the valid one with the higher number counts
 *     20480  state B, 16,384 bytes   }
 *     36864  slot 0, slot 1, ...     each `slotBytes(latentBytes)`
 */

export const HEADER_BYTES = 4_096;
export const STATE_BYTES = 16_384;
export const STATE_OFFSETS = [HEADER_BYTES, HEADER_BYTES + STATE_BYTES] as const;
export const SLOTS_OFFSET = HEADER_BYTES + 2 * STATE_BYTES;

/** Bytes of UTF-8 that task and label may have together. */
export const NAMES_BYTES = 128;
/** Before the names: id 16, time 8, order 8, flags 1, lengths of task and label 2, one spare. */
export const RECORD_HEAD_BYTES = 36;
/** What the vault adds to each record: nonce 12, tag 16. */
export const SEAL_BYTES = 28;

/** What the index holds in memory for a slot: id 16, time 8, order 8, group 2. */
export const INDEX_BYTES_PER_SLOT = 34;
/** Groups of one task, label and side that a memory can hold; two for each label. */
export const MAX_GROUPS = 1_000;
/** What one group costs in memory at most; see test/replay/layout.test.ts, which measures it. */
export const GROUP_BYTES = 1_024;
/** The fewest slots that are of any use. */
export const FEWEST_SLOTS = 9;

/** File systems hand out whole blocks; the cap holds for those too. */
const BLOCK_BYTES = 4_096;

/** The plain record of one sample: head, names, latent. */
export function recordBytes(latentBytes: number): number {
  return RECORD_HEAD_BYTES + NAMES_BYTES + latentBytes;
}

/** One slot of the file: a sealed record. */
export function slotBytes(latentBytes: number): number {
  return SEAL_BYTES + recordBytes(latentBytes);
}

/** Where a slot begins in the file; slot n is also the length of a file of n slots. */
export function slotOffset(slot: number, latentBytes: number): number {
  return SLOTS_OFFSET + slot * slotBytes(latentBytes);
}

/** The most that so many slots can ever cost: the file in whole blocks, the index, every group that fits. */
export function costOf(slots: number, latentBytes: number): number {
  const file = Math.ceil(slotOffset(slots, latentBytes) / BLOCK_BYTES) * BLOCK_BYTES;
  return file + slots * INDEX_BYTES_PER_SLOT + Math.min(slots, MAX_GROUPS) * GROUP_BYTES;
}

/** How many slots can be had for so many bytes; 0 where not even one fits. */
export function slotsFor(capBytes: number, latentBytes: number): number {
  let fits = 0;
  let tooMany = 1 + Math.max(0, Math.floor((capBytes - SLOTS_OFFSET) / slotBytes(latentBytes)));
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (costOf(middle, latentBytes) <= capBytes) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/** The smallest cap that a memory of such latents can have. */
export function smallestCap(latentBytes: number): number {
  return costOf(FEWEST_SLOTS, latentBytes);
}
