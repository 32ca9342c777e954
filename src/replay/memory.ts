import { LichenError } from '../errors.js';
import { Random } from '../random.js';
import { BalancedReservoir } from './balanced-reservoir.js';
import type { Group, Groups } from './groups.js';
import { FEWEST_SLOTS, GROUP_BYTES, slotsFor, smallestCap } from './layout.js';
import { type MemoryView, memoryView, type RetentionPolicy } from './policy.js';
import { decodeRecord, encodeRecord, type SlotRecord } from './record.js';
import { recover } from './recover.js';
import { checkSample, checkSampleId, type Sample, type SampleRef } from './sample.js';
import { Slab } from './slab.js';
import type { SlotIndex } from './slot-index.js';
import { encodeState, type SavedState } from './state.js';
import type { ReplayStats } from './stats.js';

export interface ReplayOptions {
  /** The file that holds the samples; created where it is missing. */
  file: string;
  /** The most bytes that file and index may take together, at any moment. */
  capBytes: number;
  /** Bytes of the cap that something else takes: see `reserve`. None where it is left out. */
  reservedBytes?: number;
  /** Bytes of one latent; the same for as long as the file lives. */
  latentBytes: number;
  /** 32 bytes, see `loadOrCreateKey`. */
  key: Uint8Array;
  /** Decides, with the stream, who stays. */
  seed: number;
  /** Class-balanced reservoir where it is left out. */
  policy?: RetentionPolicy;
}

/** What became of a sample that was offered. */
export interface AddResult {
  stored: boolean;
  /** The sample that made room. */
  evicted?: { id: string; task: string; label: string };
}

/**
 * The labelled samples kept under a hard byte cap: a file of sealed slots and a small index. What `flush`
 * has returned for survives a crash at any instant; docs/replay-memory.md says what exactly is guaranteed.
 * One process at a time may open a file; the store's lock sees to that.
 */
export class ReplayMemory {
  private readonly slab: Slab;
  private readonly capBytes: number;
  private readonly seed: number;
  private readonly policy: RetentionPolicy;
  private index!: SlotIndex;
  private groups!: Groups;
  private state!: SavedState;
  private view!: MemoryView;
  private damagedSlots = 0;
  private dirty = false;
  private reserved: number;
  /** Set once a sync failed: what the disk holds is unknown until the file is opened again. */
  private failed: LichenError | undefined;
  private closed = false;

  private constructor(options: Required<ReplayOptions>, slab: Slab, slots: number) {
    this.slab = slab;
    this.capBytes = options.capBytes;
    this.reserved = options.reservedBytes;
    this.seed = options.seed;
    this.policy = options.policy;
    this.fit(slots);
  }

  /**
   * Opens the memory, creates it where it is missing, and fits it to the cap: under a smaller one, the policy
   * chooses who goes.
   * @throws LichenError `replay-cap-too-small`, `replay-latent-size`, `replay-wrong-key`, `replay-corrupt`,
   *   `replay-newer`, `replay-unusable`, `replay-write-failed`
   */
  static open(options: ReplayOptions): ReplayMemory {
    const { file, capBytes, reservedBytes = 0, latentBytes, key } = options;
    const slots = slotsWithin(file, capBytes, reservedBytes, latentBytes);
    const slab = Slab.open(file, latentBytes, key);
    try {
      const memory = new ReplayMemory(
        { policy: new BalancedReservoir(), ...options, reservedBytes },
        slab,
        slots,
      );
      memory.flush();
      return memory;
    } catch (error) {
      slab.close();
      throw error;
    }
  }

  /**
   * Offers a sample. Acknowledge it to its source only after `flush`. One that is here already changes nothing
   * and counts as stored.
   * @throws LichenError `sample-id-invalid`, `sample-invalid`, `replay-too-many-groups`, `replay-write-failed`,
   *   `replay-closed`
   */
  add(sample: Sample): AddResult {
    this.requireUsable();
    checkSample(sample, this.slab.latentBytes);
    if (this.index.find(sample.id) >= 0) return { stored: true };
    const group = this.groups.obtain(sample.task, sample.label, sample.heldOut);
    try {
      group.seen++;
      this.state.arrivals++;
      this.dirty = true;
      const random = this.randomAt(this.state.arrivals);
      const admission = this.policy.admit(group, sample.latent, this.view, random);
      if (!admission.keep) return { stored: false };
      const evicted = admission.evict === undefined ? undefined : this.vacate(admission.evict);
      this.write(admission.evict ?? this.index.firstEmpty(), sample, group);
      return { stored: true, ...(evicted && { evicted }) };
    } finally {
      this.groups.dropEmpty();
    }
  }

  /** Whether a sample is here. */
  has(id: string): boolean {
    checkSampleId(id);
    return this.index.find(id) >= 0;
  }

  /** What is known of a sample; undefined where it is not here. */
  ref(id: string): SampleRef | undefined {
    checkSampleId(id);
    const slot = this.index.find(id);
    return slot < 0 ? undefined : this.refOf(slot);
  }

  /** The samples that match, ordered by id, so that the same samples give the same order wherever they lie. */
  refs(filter: { task?: string; label?: string; heldOut?: boolean } = {}): SampleRef[] {
    const matches = (group: Group) =>
      (filter.task === undefined || group.task === filter.task) &&
      (filter.label === undefined || group.label === filter.label) &&
      (filter.heldOut === undefined || group.heldOut === filter.heldOut);
    return this.groups
      .list()
      .filter(matches)
      .flatMap((group) => this.index.used(group.number).map((slot) => this.refOf(slot)))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /**
   * The latent of a sample; it belongs to the caller.
   * @throws LichenError `sample-gone` (evicted or removed since), `sample-damaged`, `replay-closed`
   */
  read({ id }: { id: string }): Uint8Array {
    this.requireOpen();
    return new Uint8Array(this.record(this.slotOf(id)).latent);
  }

  /**
   * Gives a sample another label; on disk when this returns. A crash leaves it with the old or the new one.
   * @throws LichenError `sample-gone`, `sample-damaged`, `sample-invalid`, `replay-too-many-groups`, `replay-write-failed`
   */
  relabel(id: string, label: string): void {
    this.requireUsable();
    const slot = this.slotOf(id);
    const old = this.groups.get(this.index.group(slot));
    if (old.label === label) return;
    const sample = { ...this.record(slot), label };
    checkSample(sample, this.slab.latentBytes);
    const group = this.groups.obtain(old.task, label, old.heldOut);
    try {
      // The new record goes to the spare slot first; the old one stays until the new one is safe.
      const spare = this.index.firstEmpty();
      this.write(spare, sample, group);
      this.sync();
      this.vacate(slot);
      this.slab.clearSlot(slot);
      group.seen++;
      old.seen = Math.max(old.kept, old.seen - 1);
      this.policy.regrouped(this.view);
      this.dirty = true;
      this.flush();
    } finally {
      this.groups.dropEmpty();
    }
  }

  /**
   * Deletes a sample and overwrites it, on disk after `flush`, as if it had never come; returns whether it was here.
   */
  remove(id: string): boolean {
    this.requireUsable();
    checkSampleId(id);
    const slot = this.index.find(id);
    if (slot < 0) return false;
    this.groups.get(this.index.group(slot)).seen--;
    this.vacate(slot);
    this.groups.dropEmpty();
    this.slab.clearSlot(slot);
    this.dirty = true;
    return true;
  }

  /**
   * Returns once everything so far is on the disk.
   * @throws LichenError `replay-write-failed`; then nothing since the last flush counts as kept, and the memory
   *   must be opened again.
   */
  flush(): void {
    this.requireUsable();
    if (!this.dirty) return;
    this.state.number++;
    const copy = this.state.number % 2 === 0 ? 0 : 1;
    this.slab.writeState(copy, encodeState(this.state, this.groups.list()));
    this.sync();
    this.dirty = false;
  }

  /**
   * Gives up so many bytes of the cap, in all, for what else is kept for learning; samples go or may come accordingly. On
   * disk when this returns.
   * @throws LichenError `replay-cap-too-small` where no sample could be kept any more: the smallest cap that would do;
   *   nothing is changed then. And as `flush` does
   */
  reserve(bytes: number): void {
    this.requireUsable();
    const slots = slotsWithin(this.slab.file, this.capBytes, bytes, this.slab.latentBytes);
    if (bytes === this.reserved) return;
    this.flush();
    this.reserved = bytes;
    this.fit(slots);
    this.flush();
  }

  /**
   * Checks that so many bytes can be reserved, without doing it.
   * @throws LichenError `replay-cap-too-small`
   */
  checkReserve(bytes: number): void {
    slotsWithin(this.slab.file, this.capBytes, bytes, this.slab.latentBytes);
  }

  stats(): ReplayStats {
    this.requireOpen();
    const groups = this.groups.list();
    const diskBytes = this.slab.size();
    const indexBytes = this.index.bytes + groups.length * GROUP_BYTES;
    return {
      capBytes: this.capBytes,
      usedBytes: diskBytes + indexBytes + this.reserved,
      reservedBytes: this.reserved,
      diskBytes,
      indexBytes,
      slots: this.index.slots,
      samples: this.index.size,
      damagedSlots: this.damagedSlots,
      writtenBytes: this.slab.written,
      perGroup: groups.map(({ task, label, heldOut, kept, seen }) => ({ task, label, heldOut, kept, seen })),
    };
  }

  /** Flushes and closes the file; a second call does nothing. */
  close(): void {
    if (this.closed) return;
    try {
      if (this.failed === undefined) this.flush();
    } finally {
      this.closed = true;
      this.slab.close();
    }
  }

  /** Reads the file, and makes it fit so many slots. */
  private fit(slots: number): void {
    const found = recover(this.slab, slots, this.policy, (arrivals) => this.randomAt(arrivals));
    this.index = found.index;
    this.groups = found.groups;
    this.state = found.state;
    this.damagedSlots = found.damagedSlots;
    this.dirty = found.changed;
    this.view = memoryView(this.index, this.groups, slots - 1, (slot) => this.record(slot).latent);
  }

  private write(slot: number, sample: Sample, group: Group): void {
    this.state.order++;
    this.slab.writeSlot(slot, encodeRecord({ ...sample, order: this.state.order }));
    this.index.set(slot, sample.id, group.number, sample.at, this.state.order);
    group.kept++;
    this.dirty = true;
  }

  /** Takes the sample in a slot out of the index; its bytes stay until they are overwritten, its group to the end. */
  private vacate(slot: number): { id: string; task: string; label: string } {
    const group = this.groups.get(this.index.group(slot));
    const id = this.index.id(slot);
    this.index.clear(slot);
    group.kept--;
    return { id, task: group.task, label: group.label };
  }

  private record(slot: number): SlotRecord {
    const bytes = this.slab.readSlot(slot);
    const record = typeof bytes === 'string' ? undefined : decodeRecord(bytes);
    if (record && record.id === this.index.id(slot)) return record;
    const { id, task, label } = this.vacate(slot);
    this.groups.dropEmpty();
    this.damagedSlots++;
    throw new LichenError(
      'sample-damaged',
      `Sample ${id} ('${label}' of task '${task}') in ${this.slab.file} is damaged on the disk and was given up. If this happens again, the card or disk is failing.`,
    );
  }

  private slotOf(id: string): number {
    checkSampleId(id);
    const slot = this.index.find(id);
    if (slot >= 0) return slot;
    throw new LichenError(
      'sample-gone',
      `Sample ${id} is not in the replay memory (any more). It was evicted or removed; list the samples again.`,
    );
  }

  private refOf(slot: number): SampleRef {
    const { task, label, heldOut } = this.groups.get(this.index.group(slot));
    return { id: this.index.id(slot), task, label, heldOut, at: this.index.at(slot) };
  }

  private sync(): void {
    try {
      this.slab.sync();
    } catch (error) {
      // After a failed sync the kernel may forget what it could not write, and the next sync would succeed.
      if (error instanceof LichenError) this.failed = error;
      throw error;
    }
  }

  /** A generator of its own for each arrival: with seed and stream given, restarts change nothing. */
  private randomAt(arrivals: number): Random {
    return new Random(Math.imul(this.seed, 0x9e3779b1) + arrivals);
  }

  private requireUsable(): void {
    this.requireOpen();
    if (this.failed) throw this.failed;
  }

  private requireOpen(): void {
    if (!this.closed) return;
    throw new LichenError(
      'replay-closed',
      `The replay memory ${this.slab.file} was used after it was closed.`,
    );
  }
}

/** How many slots there can be beside what is reserved. */
function slotsWithin(file: string, capBytes: number, reserved: number, latentBytes: number): number {
  const slots = slotsFor(capBytes - reserved, latentBytes);
  if (slots >= FEWEST_SLOTS) return slots;
  const beside = reserved > 0 ? ` beside ${reserved} bytes that are kept for learning` : '';
  throw new LichenError(
    'replay-cap-too-small',
    `A cap of ${capBytes} bytes is too small for the replay memory ${file}${beside}: with latents of ${latentBytes} bytes it must be at least ${smallestCap(latentBytes) + reserved}, which holds ${FEWEST_SLOTS - 1} samples.`,
  );
}
