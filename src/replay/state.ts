import { type Group, groupHash } from './groups.js';
import { MAX_GROUPS } from './layout.js';

/** What the memory must remember beside its samples. */
export interface SavedState {
  /** Counts the states written; the higher one of two is true. */
  number: number;
  /** Samples that were ever offered; with the seed it decides every random choice. */
  arrivals: number;
  /** The order of the record written last. */
  order: number;
}

const HEAD_BYTES = 28;
/** Hash 8, samples seen 6, marks 2. */
const ENTRY_BYTES = 16;
const SETTLED = 1;

/** Encodes the state: three counters, then one entry for each group. */
export function encodeState(state: SavedState, groups: readonly Group[]): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + ENTRY_BYTES * groups.length);
  bytes.writeDoubleLE(state.number, 0);
  bytes.writeDoubleLE(state.arrivals, 8);
  bytes.writeDoubleLE(state.order, 16);
  bytes.writeUInt32LE(groups.length, 24);
  for (const [i, group] of groups.entries()) {
    const at = HEAD_BYTES + ENTRY_BYTES * i;
    bytes.set(groupHash(group), at);
    bytes.writeUIntLE(group.seen, at + 8, 6);
    bytes.writeUInt16LE(group.settled ? SETTLED : 0, at + 14);
  }
  return bytes;
}

/** The three counters of an encoded state. */
export function decodeState(bytes: Uint8Array): SavedState {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { number: buffer.readDoubleLE(0), arrivals: buffer.readDoubleLE(8), order: buffer.readDoubleLE(16) };
}

/** Gives the groups back what the encoded state knows of them; a group has seen at least what it has kept. */
export function restoreGroups(bytes: Uint8Array, groups: readonly Group[]): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.min(buffer.readUInt32LE(24), MAX_GROUPS);
  const entries = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const at = HEAD_BYTES + ENTRY_BYTES * i;
    entries.set(buffer.toString('hex', at, at + 8), at);
  }
  for (const group of groups) {
    const at = entries.get(groupHash(group).toString('hex'));
    if (at === undefined) continue;
    group.seen = Math.max(group.kept, buffer.readUIntLE(at + 8, 6));
    group.settled = (buffer.readUInt16LE(at + 14) & SETTLED) !== 0;
  }
}
