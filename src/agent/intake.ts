import type { Logger } from 'pino';
import type { Backbone } from '../backbone/backbone.js';
import { sampleId } from '../backbone/latents.js';
import { readPicture } from '../backbone/picture.js';
import type { Trunk } from '../backbone/trunk.js';
import { LichenError, messageOf } from '../errors.js';
import { sizeOf } from '../onnx/model.js';
import type { Answer } from '../recognize/answer.js';
import { isHeldOut } from '../replay/held-out.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Sample } from '../replay/sample.js';
import type { Store } from '../store/store.js';
import type { Isolation } from '../store/tasks.js';
import type { Discriminants } from './discriminants.js';

/** A picture as a source delivers it; with a task and a label it is a labelled sample. */
export interface Delivery {
  /** Where it came from, for people. */
  path: string;
  bytes: Buffer;
  task?: string;
  label?: string;
}

/** What became of a delivery once it is kept. */
export interface Kept {
  sample: string;
  latent: Uint8Array;
  /** Of an unlabelled picture. */
  answer?: Answer;
}

/** A sample that is to be learned. */
export interface Lesson {
  id: string;
  task: string;
  label: string;
  latent: Uint8Array;
}

export interface IntakeOptions {
  backbone: Backbone;
  trunk: Trunk;
  store: Store;
  memory: ReplayMemory;
  discriminants: Discriminants;
  classify: (latents: readonly Uint8Array[], task?: string) => Promise<Answer[]>;
  isolationOf: (task: string) => Isolation;
  heldOut: number;
  /** Pictures that are worked on, and flushed to the disk, together. */
  batch: number;
  /** Called when a labelled sample is kept. */
  onLabel: (sample: Sample) => void;
  /** Called with the pictures of labelled samples that were kept. */
  onKept?: (kept: readonly { sample: string; bytes: Buffer; latent: Uint8Array }[]) => void;
  onRejected: (path: string, reason: string) => void;
  log: Logger;
}

interface Waiting {
  delivery: Delivery;
  resolve: (kept: Kept | undefined) => void;
  reject: (error: unknown) => void;
}

interface Read {
  waiting: Waiting;
  id: string;
  latent: Uint8Array;
}

/** Decoded pictures that are held: the one in the trunk, and the next. */
const DECODED = 2;
/** So many samples of a class are learned before any is held out: its first label is to be worth something. */
const LEARNED_FIRST = 4;

/**
 * Where pictures come in: decode, trunk, then either an answer (unlabelled) or replay memory and instant
 * answer (labelled). Deliveries that wait are worked on together: they share a flush to the disk.
 */
export class Intake {
  private readonly options: IntakeOptions;
  private readonly queue: Waiting[] = [];
  private working: Promise<void> | undefined;
  private readonly pictures: Float32Array;
  private readonly size: number;

  constructor(options: IntakeOptions) {
    const { width, height } = options.backbone.manifest.input;
    this.options = options;
    this.size = sizeOf([3, height, width]);
    this.pictures = new Float32Array(DECODED * this.size);
  }

  /** Deliveries that are waiting or being worked on. */
  get pending(): number {
    return this.queue.length + (this.working ? 1 : 0);
  }

  /**
   * Takes a picture in. Resolves when it is on disk or answered, with undefined when it was set aside (the
   * reason is with the rejects); rejects only where the device itself fails, as on a full disk.
   */
  deliver(delivery: Delivery): Promise<Kept | undefined> {
    return new Promise((resolve, reject) => {
      this.queue.push({ delivery, resolve, reject });
      this.working ??= this.work();
    });
  }

  /**
   * Keeps a labelled sample of which the latent is known; resolves when it is on the disk and answers go by it.
   * @throws LichenError as tasks and memory do, and `sample-known`
   */
  async learn(lesson: Lesson): Promise<void> {
    const sample = this.remember(lesson, Date.now());
    if (sample) await this.takeUp([sample]);
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.working) await this.working;
  }

  private async work(): Promise<void> {
    // One turn of the event loop, so that deliveries made together are worked on together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0) {
      const part = this.queue.splice(0, this.options.batch);
      try {
        await this.takeIn(part);
      } catch (error) {
        this.options.log.error({ error: messageOf(error) }, 'pictures could not be kept');
        for (const w of part) w.reject(error);
      }
    }
    this.working = undefined;
  }

  private async takeIn(part: readonly Waiting[]): Promise<void> {
    const read = await this.read(part);
    const labelled = read.filter((r) => r.waiting.delivery.label !== undefined);
    const unlabelled = read.filter((r) => r.waiting.delivery.label === undefined);
    await this.keep(labelled);
    await this.answer(unlabelled);
  }

  /**
   * Pictures go through the trunk one by one: several at once take as long, and memory that is never given back. The next one is
   * decoded meanwhile.
   */
  private async read(part: readonly Waiting[]): Promise<Read[]> {
    const read: Read[] = [];
    let next = this.decode(part, 0);
    for (const [i, waiting] of part.entries()) {
      const picture = await next;
      next = this.decode(part, i + 1);
      // It is awaited in its turn, or not at all where the trunk fails before.
      next.catch(() => {});
      if (!picture) continue;
      const [latent] = await this.options.trunk.latents(picture, 1);
      read.push({ waiting, id: sampleId(waiting.delivery.bytes), latent: latent! });
    }
    return read;
  }

  /** A picture as the trunk takes it; undefined where there is none, or it was set aside. */
  private async decode(part: readonly Waiting[], i: number): Promise<Float32Array | undefined> {
    const waiting = part[i];
    if (!waiting) return undefined;
    const at = (i % DECODED) * this.size;
    try {
      await readPicture(waiting.delivery.bytes, this.options.backbone.manifest.input, this.pictures, at);
      return this.pictures.subarray(at, at + this.size);
    } catch (error) {
      if (!(error instanceof LichenError)) throw error;
      this.setAside(waiting, error.message);
      return undefined;
    }
  }

  /** Labelled samples: into the memory, into the instant answer, onto the disk, and only then acknowledged. */
  private async keep(labelled: readonly Read[]): Promise<void> {
    const at = Date.now();
    const done: Read[] = [];
    const fresh: Sample[] = [];
    const pictures: { sample: string; bytes: Buffer; latent: Uint8Array }[] = [];
    for (const r of labelled) {
      const { id, latent, waiting } = r;
      const { task, label, bytes } = waiting.delivery;
      try {
        if (task === undefined) throw new LichenError('task-missing', 'a label needs a task');
        const sample = this.remember({ id, latent, task, label: label! }, at);
        if (sample) {
          fresh.push(sample);
          pictures.push({ sample: id, bytes, latent });
        }
        done.push(r);
      } catch (error) {
        if (isFaultOfPicture(error)) {
          this.setAside(r.waiting, error.message);
          continue;
        }
        // What the memory took before the disk was full is in the instant answer, too: only this one comes again.
        r.waiting.reject(error);
      }
    }
    await this.takeUp(fresh);
    if (pictures.length > 0) this.options.onKept?.(pictures);
    for (const r of done) r.waiting.resolve({ sample: r.id, latent: r.latent });
  }

  /** Samples that the memory holds: into the instant answer, and onto the disk. */
  private async takeUp(fresh: readonly Sample[]): Promise<void> {
    const { memory, discriminants, onLabel } = this.options;
    await discriminants.add(fresh.filter((s) => !s.heldOut));
    memory.flush();
    for (const sample of fresh) onLabel(sample);
  }

  /**
   * Puts a labelled sample into the memory. Undefined where it is there already.
   * @throws LichenError `sample-known`, and as tasks and memory do
   */
  private remember({ id, task, label, latent }: Lesson, at: number): Sample | undefined {
    const { memory } = this.options;
    if (memory.has(id)) {
      const kept = memory.ref(id);
      if (kept?.task === task && kept.label === label) return undefined;
      throw new LichenError(
        'sample-known',
        `the same picture was kept before as '${kept?.label}' of task '${kept?.task}', and keeps that label; '${label}' of task '${task}' was not taken`,
      );
    }
    this.openTask(task, label);
    const sample = { id, task, label, heldOut: this.isHeldOut(id, task, label), at, latent };
    memory.add(sample);
    return sample;
  }

  private isHeldOut(id: string, task: string, label: string): boolean {
    const { memory, heldOut } = this.options;
    if (!isHeldOut(id, heldOut)) return false;
    const learned = memory.stats().perGroup.find((g) => g.task === task && g.label === label && !g.heldOut);
    return (learned?.kept ?? 0) >= LEARNED_FIRST;
  }

  private async answer(unlabelled: readonly Read[]): Promise<void> {
    for (const task of new Set(unlabelled.map((r) => r.waiting.delivery.task))) {
      const part = unlabelled.filter((r) => r.waiting.delivery.task === task);
      try {
        const answers = await this.options.classify(
          part.map((r) => r.latent),
          task,
        );
        part.forEach((r, i) => {
          r.waiting.resolve({ sample: r.id, latent: r.latent, answer: answers[i]! });
        });
      } catch (error) {
        if (!(error instanceof LichenError)) throw error;
        // Nothing can be said of the picture yet; that is no fault of the picture's.
        for (const r of part) r.waiting.resolve({ sample: r.id, latent: r.latent });
        const expected = error.code === 'task-unknown' || error.code === 'task-untrained';
        this.options.log[expected ? 'debug' : 'warn']({ error: error.message }, 'no answer');
      }
    }
  }

  private openTask(task: string, label: string): void {
    const { store, backbone, isolationOf } = this.options;
    if (!store.tasks.get(task)) {
      store.tasks.create({
        name: task,
        isolation: isolationOf(task),
        backbone: backbone.id,
        classes: [label],
      });
    } else store.tasks.addClass(task, label);
    store.tasks.requireOpen(task);
  }

  private setAside({ delivery, resolve, reject }: Waiting, reason: string): void {
    try {
      this.options.onRejected(delivery.path, reason);
      resolve(undefined);
    } catch (error) {
      reject(error);
    }
  }
}

/** Whether what went wrong lies in the picture or its label; a full or failing disk does not. */
export function isFaultOfPicture(error: unknown): error is LichenError {
  if (!(error instanceof LichenError)) return false;
  return !error.code.startsWith('store-') && error.code !== 'replay-write-failed';
}
