import { LichenError, messageOf } from '../../errors.js';
import { sizeOf } from '../../onnx/model.js';
import { type AdapterTensors, packedBytes, packTensor, type StoredType, unpackTensor } from '../adapter.js';
import type { LearnerState } from './continual-learner.js';

/** A class of a task; its place in a list is its number in a learner. */
export interface LearnerClass {
  task: string;
  label: string;
}

/** A version that holds what a task of the learner added. */
export interface LearnerVersion {
  task: string;
  version: number;
  sha256: string;
}

/** A learner's state as it is kept. */
export interface KeptState extends LearnerState {
  /** Which classes its numbers stand for. */
  classes: readonly LearnerClass[];
  /** Where each task's network is built on those before it: the versions that hold them, oldest first. */
  chain: readonly LearnerVersion[];
}

const MAGIC = Buffer.from('LICHENL1');

/** Encodes a state: a magic, a JSON header, and the values as they are, so that its size follows from its shapes. */
export function encodeState({ tensors, ...state }: KeptState): Uint8Array {
  const header = {
    ...state,
    tensors: [...tensors].map(([name, { type, dims }]) => ({ name, type, dims })),
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return new Uint8Array(Buffer.concat([MAGIC, length, json, ...[...tensors.values()].map(packTensor)]));
}

/** @throws LichenError `learner-state-invalid` */
export function decodeState(bytes: Uint8Array): KeptState {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (!buffer.subarray(0, 8).equals(MAGIC)) throw new Error('it does not begin as a state does');
    const start = 12 + buffer.readUInt32LE(8);
    const { tensors: shapes, ...state } = JSON.parse(buffer.toString('utf8', 12, start)) as Omit<
      KeptState,
      'tensors'
    > & { tensors: { name: string; type: StoredType; dims: number[] }[] };
    const tensors: AdapterTensors = new Map();
    let at = start;
    for (const { name, type, dims } of shapes) {
      const end = at + packedBytes(type, sizeOf(dims));
      if (end > buffer.length) throw new Error(`'${name}' is truncated`);
      tensors.set(name, { type, dims, data: unpackTensor(type, buffer.subarray(at, end), sizeOf(dims)) });
      at = end;
    }
    if (at !== buffer.length) throw new Error('bytes are left over');
    return { ...state, tensors };
  } catch (error) {
    throw new LichenError(
      'learner-state-invalid',
      `what was kept of the learner cannot be read: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
