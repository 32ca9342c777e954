import { LichenError } from '../errors.js';
import type { Learning, Taught } from '../label/teacher.js';
import type { Answer } from '../recognize/answer.js';
import type { Recognizer } from '../recognize/recognizer.js';
import type { SampleRef } from '../replay/sample.js';
import type { Intake } from './intake.js';
import type { Rooms } from './open-rooms.js';

/** What the device does with its owner's labels: they go the way of all labelled samples, and can be taken back. */
export class Teaching implements Learning {
  private readonly rooms: Pick<Rooms, 'store' | 'memory' | 'discriminants'>;
  private readonly intake: Intake;
  private readonly recognizer: Recognizer;

  constructor(
    rooms: Pick<Rooms, 'store' | 'memory' | 'discriminants'>,
    intake: Intake,
    recognizer: Recognizer,
  ) {
    this.rooms = rooms;
    this.intake = intake;
    this.recognizer = recognizer;
  }

  learn({ sample, ...rest }: Taught): Promise<void> {
    return this.intake.learn({ id: sample, ...rest });
  }

  /** @throws LichenError `sample-gone`, `task-closed`, and as `ReplayMemory.relabel` does */
  async relabel(sample: string, label: string): Promise<void> {
    const { store, memory, discriminants } = this.rooms;
    const { task, label: before, heldOut, at } = this.ref(sample);
    if (before === label) return;
    store.tasks.requireOpen(task);
    store.tasks.addClass(task, label);
    const latent = memory.read({ id: sample });
    memory.relabel(sample, label);
    if (!heldOut) {
      await discriminants.remove([{ task, label: before, latent }]);
      await discriminants.add([{ task, label, latent, at }]);
    }
    this.takeBackClass(task, before);
    await this.recognizer.forget(task, sample);
    // What was forgotten is what the sample was called before; what it is called now counts at once, as of any label.
    await this.recognizer.labelled(task, heldOut ? undefined : { id: sample, label, latent });
  }

  /** @throws LichenError `sample-gone`, `task-closed` */
  async unlearn(sample: string): Promise<void> {
    const { store, memory, discriminants } = this.rooms;
    const { task, label, heldOut } = this.ref(sample);
    store.tasks.requireOpen(task);
    const latent = memory.read({ id: sample });
    memory.remove(sample);
    memory.flush();
    if (!heldOut) await discriminants.remove([{ task, label, latent }]);
    this.takeBackClass(task, label);
    await this.recognizer.forget(task, sample);
  }

  async answer(latent: Uint8Array, task: string): Promise<Answer | undefined> {
    try {
      return (await this.recognizer.classifyOwn([latent], task))[0];
    } catch (error) {
      // One sample is too few for an answer.
      if (error instanceof LichenError) return undefined;
      throw error;
    }
  }

  /** A class that nothing is kept of any more was a slip. */
  private takeBackClass(task: string, label: string): void {
    const { store, memory } = this.rooms;
    if (memory.refs({ task, label }).length === 0) store.tasks.takeBackClass(task, label);
  }

  private ref(sample: string): SampleRef {
    const found = this.rooms.memory.ref(sample);
    if (!found) throw new LichenError('sample-gone', 'this sample is not kept any more');
    return found;
  }
}
