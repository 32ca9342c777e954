import { LichenError } from '../errors.js';
import type { Answer } from '../recognize/answer.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { ActedOn, Actions } from './actions.js';
import type { Labelled, RecordingBody, RecordingView, UndoView } from './api.js';
import type { LabelQueue } from './queue.js';
import type { RecentFrames } from './recent-frames.js';
import type { Thumbnails } from './thumbnails.js';
import { answerView } from './views.js';

/** A sample as it is learned. */
export interface Taught {
  sample: string;
  task: string;
  label: string;
  latent: Uint8Array;
}

/** What the device does when its owner teaches it. */
export interface Learning {
  /** Keeps a labelled sample, and answers by it. @throws LichenError as `Intake.learn` does */
  learn(sample: Taught): Promise<void>;
  /** Gives a kept sample another label of its task. */
  relabel(sample: string, label: string): Promise<void>;
  /** Takes a kept sample out, as if it had never been learned. */
  unlearn(sample: string): Promise<void>;
  answer(latent: Uint8Array, task: string): Promise<Answer | undefined>;
}

export interface TeacherParts {
  learning: Learning;
  memory: Pick<ReplayMemory, 'has' | 'ref' | 'read'>;
  queue: LabelQueue;
  frames: RecentFrames;
  actions: Actions;
  /** Undefined where none are to be kept. */
  thumbnails: Thumbnails | undefined;
  /** Told of the owner's label where a weak one was there before. */
  looked: (source: string, right: boolean, by: 1 | -1) => void;
  /** Told how a picture is answered now that it was labelled. */
  answered: (sample: string, answer: Answer) => void;
  /** Told when something that is shown has changed. */
  changed: () => void;
}

/** A recording without a picture for so long ends; milliseconds. */
const RECORDING_IDLE_MS = 60_000;

interface Recording extends RecordingView {
  on: ActedOn[];
  idle: NodeJS.Timeout;
}

/**
 * What the owner teaches: labels, corrections, recordings, and undoing them. One thing after the other, so that what is
 * undone is what was done last.
 */
export class Teacher {
  private readonly parts: TeacherParts;
  private chain: Promise<unknown> = Promise.resolve();
  private recorded: Recording | undefined;

  constructor(parts: TeacherParts) {
    this.parts = parts;
  }

  get recording(): RecordingView | undefined {
    if (!this.recorded) return undefined;
    const { source, task, label, taken, pictures } = this.recorded;
    return { source, task, label, taken, pictures };
  }

  /** The last thing that can be undone. */
  get undoable(): UndoView | undefined {
    return this.parts.actions.last();
  }

  /**
   * Labels a question, a live picture, or a kept sample.
   * @throws LichenError `picture-gone` where the device does not hold it any more, and as learning does
   */
  label(sample: string, task: string, label: string): Promise<Labelled> {
    return this.inTurn(async () => {
      const begun = performance.now();
      const acted = this.parts.memory.has(sample)
        ? await this.correct(sample, task, label)
        : await this.teach(sample, task, label);
      const kind = acted.before ? 'relabel' : 'label';
      const undo = this.parts.actions.add({ kind, task, label, on: [acted] }, Date.now());
      const answer = await this.parts.learning.answer(acted.latent, task);
      const milliseconds = performance.now() - begun;
      if (answer) this.parts.answered(sample, answer);
      const heldOut = this.parts.memory.ref(sample)?.heldOut === true;
      return { answer: answer ? answerView(answer) : null, milliseconds, heldOut, undo };
    });
  }

  /** Takes a kept sample out. @throws LichenError `sample-gone` */
  remove(sample: string): Promise<UndoView> {
    return this.inTurn(async () => {
      const acted = this.kept(sample);
      await this.parts.learning.unlearn(sample);
      this.parts.queue.unlearned(sample);
      const { task, label } = acted.before!;
      return this.parts.actions.add({ kind: 'remove', task, label, on: [acted] }, Date.now());
    });
  }

  /** Settles a question without a label. @throws LichenError `question-gone` */
  settle(sample: string, outcome: 'skipped' | 'bad'): Promise<UndoView> {
    return this.inTurn(async () => {
      const content = this.parts.queue.content(sample);
      if (!content || !this.parts.queue.settle(sample, outcome)) {
        throw new LichenError('question-gone', 'this question was answered already');
      }
      const on = [{ sample, latent: content.latent, picture: content.picture, asked: true }];
      const kind = outcome === 'bad' ? 'bad' : 'skip';
      return this.parts.actions.add({ kind, task: null, label: null, on }, Date.now());
    });
  }

  /** Undoes the last thing. @throws LichenError `undo-other` where another one was last */
  undo(id: number): Promise<void> {
    return this.inTurn(async () => {
      const action = this.parts.actions.of(id);
      if (!action) {
        throw new LichenError(
          'undo-other',
          'something else was done since; only the last thing can be undone',
        );
      }
      for (const on of action.on.toReversed()) await this.takeBack(on);
      this.parts.actions.remove(id);
    });
  }

  /** Begins to take the pictures of a source as samples of a class. @throws LichenError `recording-busy` */
  record({ source, task, label, pictures }: RecordingBody): RecordingView {
    if (this.recorded) {
      throw new LichenError('recording-busy', 'pictures are being recorded already; stop that first');
    }
    const idle = setTimeout(() => this.stopRecording(), RECORDING_IDLE_MS);
    this.recorded = { source, task, label, pictures, taken: 0, on: [], idle };
    this.parts.changed();
    return this.recording!;
  }

  /** Ends a recording, where one is under way. */
  stopRecording(): void {
    const { recorded } = this;
    if (!recorded) return;
    this.recorded = undefined;
    clearTimeout(recorded.idle);
    const { task, label, on } = recorded;
    if (on.length > 0) this.parts.actions.add({ kind: 'recording', task, label, on }, Date.now());
    this.parts.changed();
  }

  /** Takes a picture of a source that is being recorded. Returns whether it was one. */
  async recordFrame(source: string, sample: string): Promise<boolean> {
    if (this.recorded?.source !== source) return false;
    await this.inTurn(async () => {
      const { recorded } = this;
      if (recorded?.source !== source || this.parts.memory.has(sample)) return;
      const { task, label } = recorded;
      recorded.on.push(await this.teach(sample, task, label));
      recorded.taken++;
      recorded.idle.refresh();
      if (recorded.taken >= recorded.pictures) this.stopRecording();
    });
    return true;
  }

  /** Resolves when nothing is being done any more. */
  async idle(): Promise<void> {
    this.stopRecording();
    await this.chain;
  }

  private async teach(sample: string, task: string, label: string): Promise<ActedOn> {
    const { frames, queue, learning, thumbnails } = this.parts;
    const frame = frames.get(sample);
    const question = queue.content(sample);
    const latent = question?.latent ?? frame?.latent;
    if (!latent) {
      throw new LichenError(
        'picture-gone',
        'the device does not hold this picture any more; label the next one',
      );
    }
    await learning.learn({ sample, task, label, latent });
    queue.learned(sample, latent);
    const picture = question?.picture ?? frame?.bytes;
    if (picture) await thumbnails?.add([{ sample, bytes: picture }]);
    this.lookedAtWeak(sample, label, 1);
    const asked = queue.settle(sample, 'labelled');
    return {
      ...{ sample, latent, after: { task, label }, asked },
      ...(asked && question && { picture: question.picture }),
    };
  }

  private async correct(sample: string, task: string, label: string): Promise<ActedOn> {
    const acted = this.kept(sample);
    if (acted.before!.task !== task) {
      throw new LichenError(
        'sample-known',
        `this picture was kept as '${acted.before!.label}' of task '${acted.before!.task}'; take it out there before it can be learned for '${task}'`,
      );
    }
    await this.parts.learning.relabel(sample, label);
    return { ...acted, after: { task, label } };
  }

  private async takeBack({ sample, latent, before, after, picture, asked }: ActedOn): Promise<void> {
    const { learning, memory, queue, thumbnails } = this.parts;
    if (before && after) {
      if (memory.has(sample)) await learning.relabel(sample, before.label);
    } else if (before) {
      await learning.learn({ sample, latent, ...before });
      queue.learned(sample, latent);
    } else if (after) {
      // Where the memory has let go of it already there is nothing to take back.
      if (memory.has(sample)) await learning.unlearn(sample);
      queue.unlearned(sample);
      thumbnails?.remove(sample);
    }
    if (!asked || !picture) return;
    queue.reopen(sample, latent, picture);
    if (after) this.lookedAtWeak(sample, after.label, -1);
  }

  /** A weak label of a question turns out right or wrong. */
  private lookedAtWeak(sample: string, label: string, by: 1 | -1): void {
    const { weak } = this.parts.queue.cards().find((c) => c.sample === sample) ?? {};
    if (weak) this.parts.looked(weak.source, weak.label === label, by);
  }

  private kept(sample: string): ActedOn {
    const { memory } = this.parts;
    const ref = memory.ref(sample);
    if (!ref) throw new LichenError('sample-gone', 'this sample is not kept any more');
    const { task, label } = ref;
    return { sample, latent: memory.read(ref), before: { task, label }, asked: false };
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.chain.then(work);
    this.chain = done.catch(() => {}).finally(() => this.parts.changed());
    return done;
  }
}
