import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Feeds } from '../capture/feeds.js';
import { messageOf } from '../errors.js';
import { access, SESSION_MS } from '../label/access.js';
import type {
  EventView,
  FrameView,
  Overview,
  PrivacyView,
  QueueView,
  RolledBack,
  TaskDetail,
} from '../label/api.js';
import type { Desk } from '../label/desk.js';
import { Live } from '../label/live.js';
import { readPageFiles } from '../label/page-files.js';
import { Passwords, passwordFileOf } from '../label/passwords.js';
import type { Frame } from '../label/recent-frames.js';
import { pageRoutes } from '../label/routes.js';
import { Sessions } from '../label/sessions.js';
import type { ListBody, SettingsView } from '../label/settings-api.js';
import { SettingsFile } from '../label/settings-file.js';
import type { Learning, Teacher } from '../label/teacher.js';
import type { Hindrance } from '../link/event-data.js';
import type { Ledger } from '../link/ledger.js';
import type { MetricsBody } from '../link/schemas.js';
import type { Recognizer } from '../recognize/recognizer.js';
import type { Isolation } from '../store/tasks.js';
import { agentConfigSchema } from './config.js';
import type { Permission } from './guards.js';
import { Listening } from './http.js';
import { Labelling } from './labelling.js';
import type { AgentParts, Rooms } from './open-rooms.js';
import { overviewOf, privacyOf, taskDetailOf } from './page-views.js';
import { Studies } from './studies.js';
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
  /** What a task with this name is to train. */
  isolationOf: (task: string) => Isolation;
  select: (task: string | undefined) => void;
  rollback: (task: string) => Promise<RolledBack>;
  close: (task: string) => Promise<unknown>;
}

const SECRET_KEY = 'page-secret';
const TIDY_MS = 60_000;

/** The device's web page for its owner: what it shows, and what can be done there. */
export class DevicePage implements Desk {
  readonly passwords: Passwords;
  private readonly parts: AgentParts;
  private readonly rooms: Rooms;
  private readonly behind: Behind;
  private readonly labelling: Labelling;
  private readonly studies: Studies;
  private readonly live: Live;
  private readonly file: SettingsFile;
  private trainingWaits: Hindrance | null = null;
  /** Of the password as it was looked at last: one that is set beside the agent logs everybody out. */
  private passwordStamp: string | undefined;
  private tidying: NodeJS.Timeout | undefined;
  private listening: Listening | undefined;

  constructor(parts: AgentParts, rooms: Rooms, behind: Behind) {
    this.parts = parts;
    this.rooms = rooms;
    this.behind = behind;
    const { learning, recognizer, feeds, ledger } = behind;
    this.passwords = new Passwords(passwordFileOf(rooms.store.folder));
    this.live = new Live({
      overview: () => this.overview(),
      frames: () => this.frames(),
      served: (...one) => ledger.served(...one),
    });
    const changed = () => this.live.changed();
    this.file = new SettingsFile(agentConfigSchema, parts.configFile, parts.config);
    this.studies = new Studies(parts, rooms, recognizer, changed);
    const answered = (frame: FrameView) => this.live.frame(frame);
    this.labelling = new Labelling(parts, rooms, { learning, recognizer, feeds, answered, changed });
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
        onOut: () => this.live.letGo(),
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

  get teacher(): Teacher {
    return this.labelling.teacher;
  }

  /** @throws LichenError `port-unavailable` */
  async start(): Promise<void> {
    this.labelling.start();
    this.tidying = setInterval(() => this.tidy(), TIDY_MS);
    await this.listening?.start(this.guarded);
    this.tidy();
  }

  async stop(): Promise<void> {
    clearInterval(this.tidying);
    this.live.stop();
    await this.listening?.stop();
    await this.labelling.stop();
    await this.studies.idle();
  }

  /** A picture without a label was answered, or could not be. */
  seen(frame: Frame): Promise<void> {
    return this.labelling.seen(frame);
  }

  /** Pictures came with labels, and were kept. */
  kept(pictures: readonly { sample: string; bytes: Buffer; latent: Uint8Array }[]): Promise<void> {
    return this.labelling.kept(pictures);
  }

  /** A picture came with a label that may be wrong. @throws LichenError as `Labelling.weak` does */
  weak(frame: Frame, label: { task: string; label: string; trust: number }): Promise<void> {
    return this.labelling.weak(frame, label);
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
      queue: this.labelling.counts(),
      undo: this.teacher.undoable ?? null,
      connected: this.behind.connected(),
      trainingWaits: this.trainingWaits,
    });
  }

  frames(): FrameView[] {
    return this.labelling.frames();
  }

  picture(sample: string, size: 'small' | 'large'): Promise<Buffer | undefined> {
    return this.labelling.picture(sample, size);
  }

  queue(): Promise<QueueView> {
    return this.labelling.queue();
  }

  createTask(task: string): void {
    const { store, backbone } = this.rooms;
    store.tasks.create({ name: task, isolation: this.behind.isolationOf(task), backbone: backbone.id });
    this.live.changed();
  }

  select(task: string | null): void {
    this.behind.select(task ?? undefined);
    this.live.changed();
  }

  task(name: string): TaskDetail {
    const view = this.overview().tasks.find((t) => t.task === this.rooms.store.tasks.require(name).name)!;
    return taskDetailOf(this.rooms, this.labelling.thumbnails, view, this.studies.of(name));
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
    this.studies.begin(name);
  }

  privacy(): PrivacyView {
    return privacyOf(this.rooms, this.behind.ledger, {
      thumbnails: { on: this.parts.config.label.thumbnails, ...this.labelling.thumbnails.stats() },
      questions: this.labelling.waiting(),
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

  /** Whether strangers are kept out of the server. */
  private get guarded(): boolean {
    return this.passwords.isSet || this.parts.config.http.token !== undefined;
  }

  /** What is done now and then: labelling's part, a password that was set beside the agent, why no training may start. */
  private tidy(): void {
    try {
      this.labelling.tidy();
      if (this.guarded) this.listening?.open();
      const { stamp } = this.passwords;
      if (stamp !== this.passwordStamp) this.live.letGo();
      this.passwordStamp = stamp;
      this.behind.mayTrain().then(
        (may) => {
          this.trainingWaits = may.ok ? null : may.hindrance;
        },
        () => {},
      );
    } catch (error) {
      this.parts.log.error({ error: messageOf(error) }, 'tidying failed');
    }
  }
}
