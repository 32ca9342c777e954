import { LichenError } from '../errors.js';
import { NAMES_BYTES } from './layout.js';

/** What is known of a sample beside its latent. */
export interface SampleRef {
  /** 32 lower-case hex characters: the beginning of the SHA-256 of the picture's bytes. */
  id: string;
  task: string;
  label: string;
  /** Held-out samples judge candidates and are never trained on. */
  heldOut: boolean;
  /** When it was taken, in milliseconds since 1970. */
  at: number;
}

/** A labelled sample: its latent is the trunk's output, as many bytes as the memory was made for. */
export interface Sample extends SampleRef {
  latent: Uint8Array;
}

const ID = /^[0-9a-f]{32}$/;

/** Throws LichenError `sample-id-invalid` unless the id is 32 lower-case hex characters. */
export function checkSampleId(id: string): void {
  if (ID.test(id)) return;
  throw new LichenError(
    'sample-id-invalid',
    `'${id}' is no sample id; expected the first 32 hex characters (0-9, a-f) of the SHA-256 of the picture's bytes.`,
  );
}

/** Throws LichenError `sample-id-invalid` or `sample-invalid` unless the sample fits into a slot. */
export function checkSample(sample: Sample, latentBytes: number): void {
  checkSampleId(sample.id);
  const names = Buffer.byteLength(sample.task) + Buffer.byteLength(sample.label);
  const why =
    sample.latent.length !== latentBytes
      ? `its latent has ${sample.latent.length} bytes, the memory holds latents of ${latentBytes}`
      : sample.task === '' || sample.label === ''
        ? 'its task or its label is empty'
        : names > NAMES_BYTES
          ? `its task and label have ${names} bytes together, ${NAMES_BYTES} fit`
          : !Number.isFinite(sample.at)
            ? `its time is ${sample.at}; milliseconds since 1970 were expected`
            : undefined;
  if (why === undefined) return;
  throw new LichenError(
    'sample-invalid',
    `Sample ${sample.id} of task '${sample.task}' was not kept: ${why}.`,
  );
}
