import { sourceName } from '../capture/config.js';
import type { Feeds } from '../capture/feeds.js';
import { LichenError, messageOf } from '../errors.js';
import { Actions } from '../label/actions.js';
import type { FrameView, QueueCounts, QueueView } from '../label/api.js';
import { Questions } from '../label/questions.js';
import { KNOWN, LabelQueue } from '../label/queue.js';
import { type Frame, frameView, RecentFrames } from '../label/recent-frames.js';
import { Sealed } from '../label/sealed.js';
import { shownPicture, thumbnail } from '../label/shown.js';
import { type Learning, Teacher } from '../label/teacher.js';
import { Thumbnails } from '../label/thumbnails.js';
import { settleWeak, type WeakEnds, WeakLabels } from '../label/weak-labels.js';
import { WeakSignals } from '../label/weak-signals.js';
import type { Answer } from '../recognize/answer.js';
import type { Recognizer } from '../recognize/recognizer.js';
import { keyFileOf } from '../store/store.js';
import type { AgentConfig } from './config.js';
import type { AgentParts, Rooms } from './open-rooms.js';

/** So many questions wait by themselves, before the owner looks. */
const WAITING = 5;

/** What labelling has of the agent, and whom it tells what is new. */
export interface LabellingRoom {
  learning: Learning;
  recognizer: Recognizer;
  feeds: Feeds;
  /** A picture has another answer than before. */
  answered: (frame: FrameView) => void;
  changed: () => void;
}

/** A device's labelling: the newest pictures, what is asked about them, and everybody who labels them. */
export class Labelling {
  readonly teacher: Teacher;
  readonly thumbnails: Thumbnails;
  private readonly parts: AgentParts;
  private readonly rooms: Rooms;
  private readonly room: LabellingRoom;
  private readonly frameList = new RecentFrames();
  private readonly labels: LabelQueue;
  private readonly actions: Actions;
  private readonly questions: Questions;
  private readonly signals: WeakSignals;
  private readonly weakLabels: WeakLabels;
  private readonly weakEnds: WeakEnds;

  constructor(parts: AgentParts, rooms: Rooms, room: LabellingRoom) {
    const { config } = parts;
    const { store, memory, backbone } = rooms;
    const { learning } = room;
    this.parts = parts;
    this.rooms = rooms;
    this.room = room;
    const sealed = new Sealed(store.settings, keyFileOf(store.folder));
    const weak = new WeakLabels(store.database);
    this.weakLabels = weak;
    this.actions = new Actions(store.database, sealed);
    this.thumbnails = new Thumbnails(store.database, sealed);
    this.questions = new Questions(store.database, sealed);
    this.labels = new LabelQueue({
      questions: this.questions,
      codec: backbone.latentCodec,
      perDay: config.label.perDay,
      keep: config.label.keep,
      answers: (pictures) => answersNow(room.recognizer, pictures),
      shown: shownPicture,
      trust: (source) => weak.trust(source, estimateOf(config, source)),
    });
    this.teacher = new Teacher({
      learning,
      memory,
      queue: this.labels,
      frames: this.frameList,
      actions: this.actions,
      thumbnails: config.label.thumbnails ? this.thumbnails : undefined,
      answered: (sample, answer) => {
        const frame = this.frameList.answer(sample, answer);
        if (frame) room.answered(frameView(frame));
      },
      looked: (source, right, by) => weak.looked(source, right, by),
      changed: room.changed,
    });
    this.weakEnds = {
      classesOf: (task) => store.tasks.get(task)?.classes ?? [],
      learn: (frame, task, label) => this.learnWeak(frame, task, label),
      ask: async ({ sample, source, at, bytes, latent }, task, answer, said) => {
        await this.labels.offer({ sample, source, task, at, bytes, latent, answer, weak: said });
      },
    };
    this.signals = new WeakSignals({
      ...this.weakEnds,
      signals: config.label.weak,
      frames: this.frameList,
      weak,
      subscribe: (topic, receive) =>
        room.feeds.get(undefined).subscribe(topic, (_, payload, retained) => receive(payload, retained)),
      answer: async (latent, task) => (await answersNow(room.recognizer, [{ latent, task }]))[0],
      failed: (topic, error) =>
        parts.log.warn({ topic, error: messageOf(error) }, 'a weak label was not taken'),
    });
  }

  start(): void {
    this.signals.start();
    this.remember();
  }

  async stop(): Promise<void> {
    this.signals.stop();
    await this.teacher.idle();
  }

  /** A picture without a label was answered, or could not be. */
  async seen(frame: Frame): Promise<void> {
    this.frameList.add(frame);
    this.signals.seen(frame);
    this.room.answered(frameView(frame));
    const { source, sample } = frame;
    if (await this.teacher.recordFrame(source, sample)) return;
    await this.labels.offer(frame);
  }

  /** Pictures came with labels, and were kept. */
  async kept(pictures: readonly { sample: string; bytes: Buffer; latent: Uint8Array }[]): Promise<void> {
    for (const { sample, latent } of pictures) this.labels.learned(sample, latent);
    if (this.parts.config.label.thumbnails) await this.thumbnails.add(pictures);
    this.room.changed();
  }

  /**
   * A picture came with a label that may be wrong.
   * @throws LichenError where it is to be learned from and cannot, as the intake does
   */
  async weak(
    frame: Frame,
    { task, label, trust }: { task: string; label: string; trust: number },
  ): Promise<void> {
    const { source, answer } = frame;
    const found = this.weakLabels.trust(source, trust);
    await settleWeak(frame, { task, label, source, trust: found }, answer, this.weakEnds);
  }

  frames(): FrameView[] {
    return this.frameList.newest().map(frameView);
  }

  /** A picture that the device holds, as a JPEG. */
  async picture(sample: string, size: 'small' | 'large'): Promise<Buffer | undefined> {
    const small = this.thumbnails.get(sample);
    if (size === 'small' && small) return small;
    const frame = this.frameList.get(sample);
    if (frame) this.frameList.lookedAt(frame);
    const bytes = this.labels.content(sample)?.picture ?? frame?.bytes;
    if (!bytes) return small;
    return size === 'small' ? thumbnail(bytes) : shownPicture(bytes);
  }

  counts(): QueueCounts {
    return this.labels.counts(Date.now());
  }

  /** Questions on the disk, and the bytes of their pictures. */
  waiting(): { count: number; bytes: number } {
    return { count: this.counts().waiting, bytes: this.questions.bytes() };
  }

  async queue(): Promise<QueueView> {
    const now = Date.now();
    await this.labels.ask(now);
    return {
      cards: this.labels.cards(),
      counts: this.labels.counts(now),
      tasks: this.rooms.store.tasks.list().map(({ name, classes, closedAt }) => ({
        task: name,
        classes: [...classes],
        closed: closedAt !== undefined,
      })),
    };
  }

  /** Puts questions, and lets go of what is kept no longer. */
  tidy(): void {
    const { config, log } = this.parts;
    const { memory } = this.rooms;
    const now = Date.now();
    this.labels
      .ask(now, WAITING)
      .catch((error) => log.error({ error: messageOf(error) }, 'no question could be put'));
    this.actions.expire(now - config.label.keep);
    this.thumbnails.prune((sample) => memory.has(sample));
  }

  /** What was labelled before this start of the program need not be asked about. */
  private remember(): void {
    const { memory } = this.rooms;
    const newest = memory.refs().sort((a, b) => a.at - b.at);
    for (const ref of newest.slice(-KNOWN)) {
      try {
        this.labels.learned(ref.id, memory.read(ref));
      } catch (error) {
        // A sample that is damaged on the disk is given up; that is no reason not to start.
        if (!(error instanceof LichenError)) throw error;
        this.parts.log.warn({ error: error.message }, 'a sample is damaged');
      }
    }
  }

  private async learnWeak(frame: Frame, task: string, label: string): Promise<void> {
    const { sample, latent, bytes } = frame;
    if (this.rooms.memory.has(sample)) return;
    await this.room.learning.learn({ sample, task, label, latent });
    await this.kept([{ sample, bytes, latent }]);
  }
}

/** How often a source's weak labels are right by the settings. */
function estimateOf({ label, sources }: AgentConfig, name: string): number {
  const signal = label.weak.find((s) => s.topic === name);
  const folder = sources.find((s, place) => s.kind === 'directory' && sourceName(s, place) === name);
  // What is not in the settings any more may be right or not.
  return signal?.trust ?? (folder?.kind === 'directory' ? folder.trust : undefined) ?? 0.5;
}

/** What is answered for pictures now; what no task can answer for stays without. */
async function answersNow(
  recognizer: Recognizer,
  pictures: readonly { latent: Uint8Array; task: string | undefined }[],
): Promise<(Answer | undefined)[]> {
  const answers: (Answer | undefined)[] = pictures.map(() => undefined);
  for (const task of new Set(pictures.map((p) => p.task))) {
    const own = pictures.flatMap((p, i) => (p.task === task ? [i] : []));
    const latents = own.map((i) => pictures[i]!.latent);
    const given = await recognizer.classify(latents, task).catch((error) => {
      // There may be no task yet, or no sample of it.
      if (error instanceof LichenError) return [];
      throw error;
    });
    given.forEach((answer, k) => {
      answers[own[k]!] = answer;
    });
  }
  return answers;
}
