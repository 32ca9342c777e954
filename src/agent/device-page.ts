import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Feeds } from '../capture/feeds.js';
import { LichenError, messageOf } from '../errors.js';
import { access, SESSION_MS } from '../label/access.js';
import { Actions } from '../label/actions.js';
import type {
  EventView,
  FrameView,
  ListBody,
  Overview,
  PrivacyView,
  QueueView,
  RolledBack,
  SettingsView,
  StudyView,
  TaskDetail,
} from '../label/api.js';
import type { Desk } from '../label/desk.js';
import { Live } from '../label/live.js';
import { readPageFiles } from '../label/page-files.js';
import { Passwords, passwordFileOf } from '../label/passwords.js';
import { Questions } from '../label/questions.js';
import { KNOWN, LabelQueue } from '../label/queue.js';
import { type Frame, frameView, RecentFrames } from '../label/recent-frames.js';
import { pageRoutes } from '../label/routes.js';
import { Sealed } from '../label/sealed.js';
import { Sessions } from '../label/sessions.js';
import { SettingsFile } from '../label/settings-file.js';
import { shownPicture, thumbnail } from '../label/shown.js';
import { studyTask } from '../label/study.js';
import { type Learning, Teacher } from '../label/teacher.js';
import { Thumbnails } from '../label/thumbnails.js';
import { WeakLabels } from '../label/weak-labels.js';
import { WeakSignals } from '../label/weak-signals.js';
import { TaskNetwork } from '../learn/network.js';
import type { Hindrance } from '../link/event-data.js';
import type { Ledger } from '../link/ledger.js';
import type { MetricsBody } from '../link/schemas.js';
import { Random } from '../random.js';
import type { Answer, Recognizer } from '../recognize/recognizer.js';
import { bareModel } from '../recognize/task-model.js';
import { keyFileOf } from '../store/store.js';
import { agentConfigSchema } from './config.js';
import { firstIsolation } from './growth.js';
import type { Permission } from './guards.js';
import { Listening } from './http.js';
import type { AgentParts, Rooms } from './open-rooms.js';
import { overviewOf, privacyOf, taskDetailOf } from './page-views.js';
import type { Training } from './training.js';

/** What the page has of the agent behind it. */
export interface Behind {
  learning: Learning;
  recognizer: Recognizer;
  training: Training;
  ledger: Ledger;
  feeds: Feeds;
  metrics: () => MetricsBody;
  connected: () => boolean;
  mayTrain: () => Promise<Permission>;
  select: (task: string | undefined) => void;
  rollback: (task: string) => Promise<RolledBack>;
  close: (task: string) => Promise<unknown>;
}

const SECRET_KEY = 'page-secret';
const studyKey = (task: string) => `study:${task}`;
/** A study looks at the newest samples, at most so many: its cost grows with their square. */
const STUDIED = 1000;
const TIDY_MS = 60_000;
/** So many questions wait by themselves, before the owner looks. */
const WAITING = 5;

/** The device's web page for its owner: what it shows, what can be done there, and the queue of questions. */
export class DevicePage implements Desk {
  readonly teacher: Teacher;
  readonly passwords: Passwords;
  private readonly parts: AgentParts;
  private readonly rooms: Rooms;
  private readonly behind: Behind;
  private readonly frameList = new RecentFrames();
  private readonly labels: LabelQueue;
  private readonly actions: Actions;
  private readonly questions: Questions;
  private readonly thumbnails: Thumbnails;
  private readonly signals: WeakSignals;
  private readonly live: Live;
  private readonly file: SettingsFile;
  private readonly studying = new Map<string, Promise<void>>();
  private trainingWaits: Hindrance | null = null;
  private tidying: NodeJS.Timeout | undefined;
  private listening: Listening | undefined;

  constructor(parts: AgentParts, rooms: Rooms, behind: Behind) {
    const { config } = parts;
    const { store, memory, backbone } = rooms;
    this.parts = parts;
    this.rooms = rooms;
    this.behind = behind;
    const sealed = new Sealed(store.settings, keyFileOf(store.folder));
    const weak = new WeakLabels(store.database);
    this.actions = new Actions(store.database, sealed);
    this.passwords = new Passwords(passwordFileOf(store.folder));
    this.thumbnails = new Thumbnails(store.database, sealed);
    this.questions = new Questions(store.database, sealed);
    this.live = new Live({
      overview: () => this.overview(),
      frames: () => this.frames(),
      served: (...one) => behind.ledger.served(...one),
    });
    this.file = new SettingsFile(agentConfigSchema, parts.configFile, config);
    this.labels = new LabelQueue({
      questions: this.questions,
      codec: backbone.latentCodec,
      perDay: config.label.perDay,
      keep: config.label.keep,
      answers: (pictures) => this.answersNow(pictures),
      shown: shownPicture,
      trust: (topic) => this.signals.trust(topic),
    });
    this.teacher = new Teacher({
      learning: behind.learning,
      memory,
      queue: this.labels,
      frames: this.frameList,
      actions: this.actions,
      thumbnails: config.label.thumbnails ? this.thumbnails : undefined,
      answered: (sample, answer) => {
        const frame = this.frameList.answer(sample, answer);
        if (frame) this.live.frame(frameView(frame));
      },
      looked: (source, right, by) => weak.looked(source, right, by),
      changed: () => this.live.changed(),
    });
    this.signals = new WeakSignals({
      signals: config.label.weak,
      frames: this.frameList,
      weak,
      subscribe: (topic, receive) =>
        behind.feeds.get(undefined).subscribe(topic, (_, payload, retained) => receive(payload, retained)),
      classesOf: (task) => store.tasks.get(task)?.classes ?? [],
      answer: (latent, task) => behind.learning.answer(latent, task),
      learn: (frame, task, label) => this.learnWeak(frame, task, label),
      ask: async ({ sample, source, at, bytes, latent }, task, answer, said) => {
        await this.labels.offer({ sample, source, task, at, bytes, latent, answer, weak: said });
      },
      failed: (topic, error) =>
        parts.log.warn({ topic, error: messageOf(error) }, 'a weak label was not taken'),
    });
  }

  /** Registers the page's routes; the server is not to listen yet. */
  register(server: FastifyInstance): void {
    const { config, version, log } = this.parts;
    const { store } = this.rooms;
    const secret = store.settings.get(SECRET_KEY) ?? randomBytes(32).toString('hex');
    store.settings.set(SECRET_KEY, secret);
    this.listening = new Listening(server, { host: config.http.host, port: config.http.port! }, log);
    server.register(async (scope) => {
      await access(scope, {
        device: config.device.id,
        version,
        passwords: this.passwords,
        sessions: new Sessions(store.database, SESSION_MS),
        secret,
        onFirst: () => this.listening?.open(),
      });
      pageRoutes(scope, this, this.live);
    });
    for (const [path, { contentType, cacheControl, body }] of readPageFiles()) {
      server.get(path, { config: { access: 'everybody' } }, (_, reply) =>
        reply.header('cache-control', cacheControl).type(contentType).send(body),
      );
    }
  }

  /** The port that the page is at. */
  get port(): number | undefined {
    return this.listening?.port;
  }

  /** @throws LichenError `port-unavailable` */
  async start(): Promise<void> {
    this.signals.start();
    this.remember();
    this.tidying = setInterval(() => this.tidy(), TIDY_MS);
    await this.listening?.start(this.guarded);
    this.tidy();
  }

  async stop(): Promise<void> {
    clearInterval(this.tidying);
    this.signals.stop();
    this.live.stop();
    await this.listening?.stop();
    await this.teacher.idle();
    await Promise.allSettled(this.studying.values());
  }

  /** A picture without a label was answered, or could not be. */
  async seen(frame: Frame): Promise<void> {
    this.frameList.add(frame);
    this.signals.seen(frame);
    this.live.frame(frameView(frame));
    const { source, sample } = frame;
    if (await this.teacher.recordFrame(source, sample)) return;
    await this.labels.offer(frame);
  }

  /** Pictures came with labels, and were kept. */
  async kept(pictures: readonly { sample: string; bytes: Buffer; latent: Uint8Array }[]): Promise<void> {
    for (const { sample, latent } of pictures) this.labels.learned(sample, latent);
    if (this.parts.config.label.thumbnails) await this.thumbnails.add(pictures);
    this.live.changed();
  }

  event(event: EventView): void {
    this.live.event(event);
    this.live.changed();
  }

  overview(): Overview {
    const { config, version, profile } = this.parts;
    return overviewOf(this.rooms, this.behind.training, this.behind.metrics(), {
      ...{ device: config.device.id, version, profile: profile.name },
      labelsToTrain: config.learn.newLabels,
      recording: this.teacher.recording ?? null,
      queue: this.labels.counts(Date.now()),
      undo: this.teacher.undoable ?? null,
      connected: this.behind.connected(),
      trainingWaits: this.trainingWaits,
    });
  }

  frames(): FrameView[] {
    return this.frameList.newest().map(frameView);
  }

  async picture(sample: string, size: 'small' | 'large'): Promise<Buffer | undefined> {
    const small = this.thumbnails.get(sample);
    if (size === 'small' && small) return small;
    const frame = this.frameList.get(sample);
    if (frame) this.frameList.lookedAt(frame);
    const bytes = this.labels.content(sample)?.picture ?? frame?.bytes;
    if (!bytes) return small;
    return size === 'small' ? thumbnail(bytes) : shownPicture(bytes);
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

  createTask(task: string): void {
    const { config } = this.parts;
    const { store, backbone } = this.rooms;
    const isolation = firstIsolation(config.tasks[task]?.isolation ?? config.learn.isolation);
    store.tasks.create({ name: task, isolation, backbone: backbone.id });
    this.live.changed();
  }

  select(task: string | null): void {
    this.behind.select(task ?? undefined);
    this.live.changed();
  }

  task(name: string): TaskDetail {
    const view = this.overview().tasks.find((t) => t.task === this.rooms.store.tasks.require(name).name)!;
    const study = this.rooms.store.settings.get(studyKey(name));
    return taskDetailOf(this.rooms, this.thumbnails, view, {
      study: study === undefined ? null : (JSON.parse(study) as StudyView),
      studying: this.studying.has(name),
    });
  }

  train(task: string): void {
    this.rooms.store.tasks.requireOpen(task);
    // What becomes of it is told as an event.
    this.behind.training.train(task).catch(() => {});
  }

  rollback(task: string): Promise<RolledBack> {
    return this.behind.rollback(task);
  }

  async close(task: string): Promise<void> {
    await this.behind.close(task);
  }

  study(name: string): void {
    this.rooms.store.tasks.require(name);
    if (this.studying.has(name)) return;
    const work = this.makeStudy(name)
      .catch((error) => this.parts.log.warn({ task: name, error: messageOf(error) }, 'no study'))
      .finally(() => {
        this.studying.delete(name);
        this.live.changed();
      });
    this.studying.set(name, work);
  }

  privacy(): PrivacyView {
    return privacyOf(this.rooms, this.behind.ledger, {
      thumbnails: { on: this.parts.config.label.thumbnails, ...this.thumbnails.stats() },
      questions: { count: this.labels.counts(Date.now()).waiting, bytes: this.questions.bytes() },
      broker: this.parts.config.mqtt.url,
    });
  }

  settings(): SettingsView {
    return this.file.view();
  }

  set(key: string, value: string): SettingsView {
    return this.file.set(key, value);
  }

  setList(body: ListBody): SettingsView {
    return this.file.setList(body);
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

  /** Whether strangers are kept out of the server. */
  private get guarded(): boolean {
    return this.passwords.isSet || this.parts.config.http.token !== undefined;
  }

  private async learnWeak(frame: Frame, task: string, label: string): Promise<void> {
    const { sample, latent, bytes } = frame;
    if (this.rooms.memory.has(sample)) return;
    await this.behind.learning.learn({ sample, task, label, latent });
    await this.kept([{ sample, bytes, latent }]);
  }

  /** What is answered for pictures now; what no task can answer for stays without. */
  private async answersNow(
    pictures: readonly { latent: Uint8Array; task: string | undefined }[],
  ): Promise<(Answer | undefined)[]> {
    const answers: (Answer | undefined)[] = pictures.map(() => undefined);
    for (const task of new Set(pictures.map((p) => p.task))) {
      const own = pictures.flatMap((p, i) => (p.task === task ? [i] : []));
      const latents = own.map((i) => pictures[i]!.latent);
      const given = await this.behind.recognizer.classify(latents, task).catch((error) => {
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

  /** What is done now and then: questions, thumbnails of what has gone, a password that was set beside the agent. */
  private tidy(): void {
    const { config, log } = this.parts;
    const { memory } = this.rooms;
    const now = Date.now();
    this.labels
      .ask(now, WAITING)
      .catch((error) => log.error({ error: messageOf(error) }, 'no question could be put'));
    try {
      this.actions.expire(now - config.label.keep);
      this.thumbnails.prune((sample) => memory.has(sample));
      if (this.guarded) this.listening?.open();
      this.behind.mayTrain().then(
        (may) => {
          this.trainingWaits = may.ok ? null : may.hindrance;
        },
        () => {},
      );
    } catch (error) {
      log.error({ error: messageOf(error) }, 'tidying failed');
    }
  }

  private async makeStudy(task: string): Promise<void> {
    const { engine, backbone, memory, store, discriminants } = this.rooms;
    const samples = memory
      .refs({ task })
      .sort((a, b) => b.at - a.at)
      .slice(0, STUDIED)
      .map((ref) => ({ sample: ref.id, label: ref.label, heldOut: ref.heldOut, latent: memory.read(ref) }));
    const discriminant = discriminants.get(task);
    if (!discriminant || samples.length < 2) {
      throw new LichenError('learn-no-samples', `task '${task}' has too few samples to look into`);
    }
    const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec, {
      spin: false,
    });
    try {
      const { shrinkage, temperature } = discriminant;
      const answers = (latents: readonly Uint8Array[]) => this.behind.recognizer.classify(latents, task);
      const random = new Random(this.parts.config.learn.seed);
      const study = await studyTask(
        samples,
        { network, shrinkage, temperature, answers, random },
        Date.now(),
      );
      store.settings.set(studyKey(task), JSON.stringify(study));
    } finally {
      await network.close();
    }
  }
}
