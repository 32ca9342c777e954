import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { LichenError, messageOf } from '../errors.js';
import {
  HEADER_BYTES,
  SEAL_BYTES,
  SLOTS_OFFSET,
  STATE_BYTES,
  STATE_OFFSETS,
  slotBytes,
  slotOffset,
} from './layout.js';
import { syncFolder, Vault } from './vault.js';

const MAGIC = 'LICHENRM';
const FORMAT = 1;
const FILE_ID_BYTES = 32;
/** Magic 8, format 4, latent bytes 4, file id 32, sealed key check 28 + 16, SHA-256 of all these. */
const CHECK_OFFSET = 48;
const SUM_OFFSET = CHECK_OFFSET + SEAL_BYTES + 16;
const KEY_CHECK = Buffer.alloc(16, 'the right key');

/**
 * The replay memory's file: a header, two copies of the state, and slots of one size. It only moves sealed
 * records between disk and caller; what they mean is the memory's business. Nothing is durable before `sync`.
 */
export class Slab {
  readonly file: string;
  readonly latentBytes: number;
  /** Bytes written to the file since it was opened, for the wear of the card. */
  written = 0;
  private readonly fd: number;
  private readonly vault: Vault;
  private readonly slotBuffer: Buffer;

  private constructor(file: string, fd: number, latentBytes: number, vault: Vault) {
    this.file = file;
    this.fd = fd;
    this.latentBytes = latentBytes;
    this.vault = vault;
    this.slotBuffer = Buffer.alloc(slotBytes(latentBytes));
  }

  /**
   * Opens the file, or creates it with its folder.
   * @throws LichenError `replay-corrupt`, `replay-newer`, `replay-wrong-key`, `replay-latent-size`,
   *   `replay-unusable`; none of them changes the file.
   */
  static open(file: string, latentBytes: number, key: Uint8Array): Slab {
    let fd: number | undefined;
    try {
      if (statSync(file, { throwIfNoEntry: false }) === undefined) create(file, latentBytes, key);
      fd = openSync(file, 'r+');
      return new Slab(file, fd, latentBytes, checkHeader(file, fd, latentBytes, key));
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      if (error instanceof LichenError) throw error;
      throw new LichenError(
        'replay-unusable',
        `The replay memory ${file} cannot be opened: ${messageOf(error)}. Check the rights of the file and its folder, and the free space.`,
        { cause: error },
      );
    }
  }

  /** The file's length in bytes. */
  size(): number {
    return fstatSync(this.fd).size;
  }

  /** How many slots the file reaches into; the last one may be torn. */
  slots(): number {
    return Math.ceil(Math.max(0, this.size() - SLOTS_OFFSET) / this.slotBuffer.length);
  }

  /** Reads a slot: its record, `empty` where it was cleared or never written, `damaged` where it does not open. */
  readSlot(slot: number): Uint8Array | 'empty' | 'damaged' {
    const offset = slotOffset(slot, this.latentBytes);
    if (this.readAt(this.slotBuffer, offset) < this.slotBuffer.length) return 'damaged';
    if (this.slotBuffer.every((byte) => byte === 0)) return 'empty';
    return this.vault.open(this.slotBuffer, `slot ${slot}`) ?? 'damaged';
  }

  /** @throws LichenError `replay-write-failed`; the slot then holds nothing that opens. */
  writeSlot(slot: number, record: Uint8Array): void {
    this.writeAt(this.vault.seal(record, `slot ${slot}`), slotOffset(slot, this.latentBytes));
  }

  /** Overwrites a slot with zeros; one beyond the end of the file is empty already. */
  clearSlot(slot: number): void {
    const offset = slotOffset(slot, this.latentBytes);
    const end = Math.min(offset + this.slotBuffer.length, this.size());
    if (end > offset) this.writeAt(Buffer.alloc(end - offset), offset);
  }

  /** Reads one of the two copies of the state; undefined where it was never written or is torn. */
  readState(copy: 0 | 1): Uint8Array | undefined {
    const page = Buffer.alloc(STATE_BYTES);
    this.readAt(page, STATE_OFFSETS[copy]);
    const length = page.readUInt32LE(0);
    if (length < SEAL_BYTES || length > STATE_BYTES - 4) return undefined;
    return this.vault.open(page.subarray(4, 4 + length), `state ${copy}`);
  }

  /** Overwrites one of the two copies of the state. */
  writeState(copy: 0 | 1, state: Uint8Array): void {
    const sealed = this.vault.seal(state, `state ${copy}`);
    const page = Buffer.alloc(4 + sealed.length);
    page.writeUInt32LE(sealed.length, 0);
    page.set(sealed, 4);
    this.writeAt(page, STATE_OFFSETS[copy]);
  }

  /** Cuts the file after so many slots. */
  truncate(slots: number): void {
    this.orFail(() => ftruncateSync(this.fd, slotOffset(slots, this.latentBytes)));
  }

  /** Returns once everything written is on the disk. */
  sync(): void {
    this.orFail(() => fdatasyncSync(this.fd));
  }

  close(): void {
    closeSync(this.fd);
  }

  private readAt(buffer: Buffer, offset: number): number {
    let done = 0;
    while (done < buffer.length) {
      const count = this.orFail(() => readSync(this.fd, buffer, done, buffer.length - done, offset + done));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  private writeAt(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length; ) {
      const count = this.orFail(() => writeSync(this.fd, bytes, done, bytes.length - done, offset + done));
      done += count;
      this.written += count;
    }
  }

  private orFail<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      throw new LichenError(
        'replay-write-failed',
        `The replay memory ${this.file} could not be read or written: ${messageOf(error)}. Check the disk and its free space; samples flushed before are still there.`,
        { cause: error },
      );
    }
  }
}

/** Creates the file under its name at once, whole, so that no crash leaves half a header. */
function create(file: string, latentBytes: number, key: Uint8Array): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  const fd = openSync(draft, 'w', 0o600);
  try {
    const start = Buffer.alloc(SLOTS_OFFSET);
    start.set(newHeader(latentBytes, key));
    for (let done = 0; done < start.length; ) done += writeSync(fd, start, done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
  syncFolder(folder);
}

function newHeader(latentBytes: number, key: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const fileId = randomBytes(FILE_ID_BYTES);
  header.write(MAGIC, 0, 'latin1');
  header.writeUInt32LE(FORMAT, 8);
  header.writeUInt32LE(latentBytes, 12);
  header.set(fileId, 16);
  header.set(new Vault(key, fileId).seal(KEY_CHECK, 'header'), CHECK_OFFSET);
  header.set(sumOf(header), SUM_OFFSET);
  return header;
}

function checkHeader(file: string, fd: number, latentBytes: number, key: Uint8Array): Vault {
  const header = Buffer.alloc(HEADER_BYTES);
  const length = readSync(fd, header, 0, HEADER_BYTES, 0);
  if (length < HEADER_BYTES || header.toString('latin1', 0, 8) !== MAGIC) {
    throw new LichenError(
      'replay-corrupt',
      `${file} is no replay memory, or its beginning is damaged. It was not changed; restore it from a backup or move it away to start anew.`,
    );
  }
  const format = header.readUInt32LE(8);
  if (format > FORMAT) {
    throw new LichenError(
      'replay-newer',
      `The replay memory ${file} has format ${format}, this program knows format ${FORMAT}. Update Lichen; the file was not changed.`,
    );
  }
  if (!sumOf(header).equals(header.subarray(SUM_OFFSET, SUM_OFFSET + 32))) {
    throw new LichenError(
      'replay-corrupt',
      `The header of the replay memory ${file} is damaged. It was not changed; restore it from a backup or move it away to start anew.`,
    );
  }
  const vault = new Vault(key, header.subarray(16, 16 + FILE_ID_BYTES));
  if (vault.open(header.subarray(CHECK_OFFSET, SUM_OFFSET), 'header') === undefined) {
    throw new LichenError(
      'replay-wrong-key',
      `The replay memory ${file} was made with another key. It was not changed; put the key back that belongs to it, or move the file away to start anew.`,
    );
  }
  const found = header.readUInt32LE(12);
  if (found !== latentBytes) {
    throw new LichenError(
      'replay-latent-size',
      `The replay memory ${file} holds latents of ${found} bytes, but this backbone and split make ${latentBytes}. Use the backbone and split that it was made with, or move it away to start anew; it was not changed.`,
    );
  }
  return vault;
}

function sumOf(header: Buffer): Buffer {
  return createHash('sha256').update(header.subarray(0, SUM_OFFSET)).digest();
}
