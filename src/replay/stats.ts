export interface GroupStats {
  task: string;
  label: string;
  heldOut: boolean;
  kept: number;
  /** Samples that ever came. */
  seen: number;
}

export interface ReplayStats {
  capBytes: number;
  /** On disk and in memory together, with what is reserved. */
  usedBytes: number;
  diskBytes: number;
  /** The index and the groups, in memory. */
  indexBytes: number;
  /** Bytes of the cap that what else is kept for learning takes. */
  reservedBytes: number;
  /** Slots that fit under the cap. One of them always stays free, for relabelling. */
  slots: number;
  samples: number;
  /** Slots that were found torn or damaged and count as empty. */
  damagedSlots: number;
  /** Written to the disk since the memory was opened. */
  writtenBytes: number;
  perGroup: GroupStats[];
}
