import { NAMES_BYTES, RECORD_HEAD_BYTES, recordBytes } from './layout.js';
import type { Sample } from './sample.js';

/** A sample as it lies in a slot. */
export interface SlotRecord extends Sample {
  /** When it was written, counted in writes: of two records of one sample the higher one is true. */
  order: number;
}

const HELD_OUT = 1;

/** Encodes a record; task and label together must fit into `NAMES_BYTES`. */
export function encodeRecord(record: SlotRecord): Buffer {
  const bytes = Buffer.alloc(recordBytes(record.latent.length));
  const task = Buffer.from(record.task);
  const label = Buffer.from(record.label);
  bytes.write(record.id, 0, 'hex');
  bytes.writeDoubleLE(record.at, 16);
  bytes.writeDoubleLE(record.order, 24);
  bytes[32] = record.heldOut ? HELD_OUT : 0;
  bytes[33] = task.length;
  bytes[34] = label.length;
  bytes.set(task, RECORD_HEAD_BYTES);
  bytes.set(label, RECORD_HEAD_BYTES + task.length);
  bytes.set(record.latent, RECORD_HEAD_BYTES + NAMES_BYTES);
  return bytes;
}

/** Decodes a record; the latent is a view into the given bytes. */
export function decodeRecord(bytes: Uint8Array): SlotRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const labelAt = RECORD_HEAD_BYTES + buffer[33]!;
  return {
    id: buffer.toString('hex', 0, 16),
    at: buffer.readDoubleLE(16),
    order: buffer.readDoubleLE(24),
    heldOut: (buffer[32]! & HELD_OUT) !== 0,
    task: buffer.toString('utf8', RECORD_HEAD_BYTES, labelAt),
    label: buffer.toString('utf8', labelAt, labelAt + buffer[34]!),
    latent: bytes.subarray(RECORD_HEAD_BYTES + NAMES_BYTES),
  };
}
