import type { FastifyInstance } from 'fastify';
import { messageOf } from '../errors.js';
import { Sealed } from '../label/sealed.js';
import type { ChangeKind, EventData } from '../link/event-data.js';
import { Ledger } from '../link/ledger.js';
import type { Link } from '../link/link.js';
import { Outbox } from '../link/outbox.js';
import type { MetricsBody } from '../link/schemas.js';
import { WebhookQueue } from '../link/webhook-queue.js';
import type { Answer } from '../recognize/answer.js';
import { Recognizer } from '../recognize/recognizer.js';
import { keyFileOf, type Store } from '../store/store.js';
import type { Isolation } from '../store/tasks.js';
import { ActiveTask } from './active-task.js';
import { type AnnouncedParts, Announcer } from './announcer.js';
import { closeTask } from './close-task.js';
import { Deliveries } from './deliveries.js';
import { DevicePage } from './device-page.js';
import { DeviceSources } from './device-sources.js';
import { firstIsolation } from './growth.js';
import { Guards } from './guards.js';
import { homeAssistant } from './home-assistant.js';
import { newDeviceServer } from './http.js';
import { Intake } from './intake.js';
import { openLink } from './open-link.js';
import { type AgentParts, type Rooms, withRooms } from './open-rooms.js';
import { openTraining } from './open-training.js';
import { OpenedTasks } from './opened-tasks.js';
import { Packs } from './packs.js';
import { RecentLabels } from './recent-labels.js';
import { heldOutOf, noveltyRule } from './recognize-config.js';
import { registerRequests } from './requests.js';
import { Schedule } from './schedule.js';
import { ShownPictures } from './shown-pictures.js';
import { StreamReports, type StreamSinks } from './stream-reports.js';
import { Teaching } from './teaching.js';
import type { Training } from './training.js';
import { Webhooks } from './webhooks.js';

const METRICS_EVERY_MS = 10_000;
const SAVE_EVERY_MS = 60_000;
const BEAT_EVERY_MS = 1000;

/** The daemon on the device. It only puts the rooms together: sources, intake, training, reports, requests. */
export class Agent {
  readonly store: Store;
  readonly intake: Intake;
  readonly training: Training;
  readonly link: Link;
  readonly sources: DeviceSources;
  /** What left the device. */
  readonly ledger: Ledger;
  readonly webhooks: Webhooks;
  readonly packs: Packs;
  /** For the owner; undefined where the settings name no port. */
  readonly page: DevicePage | undefined;
  private readonly parts: AgentParts;
  private readonly rooms: Rooms;
  private readonly recognizer: Recognizer;
  private readonly streams: StreamReports;
  private readonly announcer: Announcer;
  private readonly deliveries: Deliveries;
  /** Tasks that were opened for what sources show now. */
  readonly opened: OpenedTasks;
  private readonly active: ActiveTask;
  private readonly guards: Guards;
  private readonly outbox: Outbox;
  private readonly pictures: ShownPictures | undefined;
  private readonly schedule: Schedule;
  private readonly timers: NodeJS.Timeout[] = [];

  private constructor(parts: AgentParts, rooms: Rooms) {
    const { config, log } = parts;
    const { engine, backbone, store, discriminants } = rooms;
    this.parts = parts;
    this.rooms = rooms;
    this.store = store;
    this.announcer = new Announcer(parts, rooms, () => this.announced());
    this.packs = new Packs(
      config,
      rooms,
      {
        report: (...event) => this.announcer.event(...event),
        runs: (...change) => this.runs(...change),
        offersChanged: () => this.announcer.offersChanged(),
      },
      log,
    );
    const recentLabels = new RecentLabels(store, rooms.memory);
    this.recognizer = new Recognizer(engine, backbone, store, {
      features: discriminants.features,
      live: (task) => discriminants.get(task),
      novelty: noveltyRule(config.recognize, rooms.memory),
      hurry: true,
      recentLabels: (task) => recentLabels.of(task),
      heldOut: (task) => heldOutOf(rooms.memory, task),
    });
    this.ledger = new Ledger(store.settings);
    const waiting = new WebhookQueue(store.database, new Sealed(store.settings, keyFileOf(store.folder)));
    this.webhooks = new Webhooks(config, waiting, this.ledger, log);
    this.active = new ActiveTask(store);
    this.guards = new Guards(config.guards, parts.profile);
    this.opened = new OpenedTasks({
      store,
      backbone,
      samplesOf: (task) => rooms.memory.refs({ task }).length,
      isolationOf: (task) => this.isolationOf(task),
      pause: config.recognize.openPause,
    });
    const sinks: StreamSinks = {
      result: (...result) => this.announcer.result(...result),
      standing: (body) => this.announcer.standing(body),
      drift: (message, data) => this.announcer.event('drift', 'warning', message, data),
      opened: (source, { name, like }) => {
        const message = `the pictures of '${source}' are none of '${like}': the task '${name}' was opened for them; label some`;
        void this.runs(name, 'task-opened', message, { source, like });
      },
    };
    this.streams = new StreamReports(config.recognize, sinks, this.opened);
    this.outbox = new Outbox(store.database, { capBytes: config.mqtt.outboxCap });
    this.training = openTraining(parts, rooms, {
      report: (...event) => this.announcer.event(...event),
      runs: (...change) => this.runs(...change),
      measured: (task, accuracy) => this.announcer.measured(task, accuracy),
    });
    this.intake = this.openIntake();
    this.link = openLink(
      parts,
      rooms,
      this.outbox,
      this.ledger,
      () => this.announcer.adapters(),
      homeAssistant(
        parts,
        () => this.announcer.shown(),
        () => this.announcer.showAgain(),
        store.settings.increment('discoveries'),
      ),
    );
    this.schedule = new Schedule(config.schedule, () => this.training.trainAll());
    if (config.homeAssistant.pictures) {
      this.pictures = new ShownPictures(
        (source, jpeg) => this.link.publishPicture(source, jpeg),
        (error) => log.debug({ error: messageOf(error) }, 'picture not shown'),
      );
    }
    this.deliveries = new Deliveries({
      store,
      intake: this.intake,
      streams: this.streams,
      active: this.active,
      opened: this.opened,
      pictures: this.pictures,
      page: () => this.page,
      announcer: this.announcer,
      notifier: parts.notifier,
    });
    registerRequests(this.link, this);
    const server =
      config.http.port === undefined
        ? undefined
        : newDeviceServer(config.http.token, (...one) => this.ledger.served(...one), log);
    this.sources = new DeviceSources(parts, store, backbone.manifest.input, server, {
      report: (kind, message, data) => {
        // Nobody knows what it would show.
        if (kind === 'source-failed') this.streams.end(data.source, Date.now());
        this.announcer.event(kind, kind === 'source-failed' ? 'warning' : 'info', message, data);
      },
      taskOfLabels: (source) => this.deliveries.taskOfLabels(source),
    });
    this.page = server && this.openPage(server);
  }

  /** Opens store, memory, backbone and trunk, and starts everything; what fails leaves nothing running. */
  static start(parts: AgentParts): Promise<Agent> {
    return withRooms(parts, async (rooms) => {
      const agent = new Agent(parts, rooms);
      try {
        await agent.begin();
      } catch (error) {
        // What has begun already, such as the link, would keep the process alive without an agent in it.
        await agent.stop();
        throw error;
      }
      return agent;
    });
  }

  /** Ends cleanly: nothing that was acknowledged is lost, and the broker hears `offline`. */
  async stop(): Promise<void> {
    const { discriminants, memory, trunk } = this.rooms;
    await this.parts.notifier.stopping();
    for (const t of this.timers) clearInterval(t);
    this.schedule.stop();
    await this.sources.stop();
    this.pictures?.stop();
    await this.page?.stop();
    await this.training.stop();
    await this.intake.idle();
    this.streams.end(undefined, Date.now());
    this.announcer.guarded('saving', () => discriminants.save());
    this.announcer.guarded('saving', () => memory.flush());
    await Promise.all([this.link.stop(), this.webhooks.stop()]);
    this.announcer.guarded('saving', () => this.ledger.save());
    await this.recognizer.close();
    await discriminants.close();
    await trunk.close();
    this.announcer.guarded('saving', () => memory.close());
    this.store.close();
  }

  /** The device's metrics now. */
  metrics(): MetricsBody {
    return this.announcer.metrics();
  }

  /** Names of the tasks that may still learn. */
  openTasks(): string[] {
    return this.store.tasks
      .list()
      .filter((t) => t.closedAt === undefined)
      .map((t) => t.name);
  }

  /**
   * Fixes the task that pictures are asked for; without one the device chooses again.
   * @throws LichenError `task-unknown`
   */
  select(task: string | undefined): void {
    this.active.fix(task);
    this.announcer.publishMetrics();
  }

  /** The last answer that was given for a picture of a source. */
  newestAnswer(): (Answer & { sample: string; source: string }) | undefined {
    return this.deliveries.newestAnswer;
  }

  /** Why a picture got no answer. */
  whyNot(path: string): string {
    const reject = this.store.rejects.list().find((r) => r.path === path);
    return reject?.reason ?? 'no task has learned enough to answer yet';
  }

  /** Goes back to what a task ran before. @throws LichenError as `VersionStore.rollback` does */
  async rollback(task: string): Promise<{ from: number | 'instant'; to: number | 'instant' }> {
    const { from, to } = this.store.versions.rollback(task, 'rolled back on request');
    const number = (id: number | null) => (id === null ? 'instant' : this.store.versions.require(id).number);
    await this.runs(task, 'rolled-back', `task '${task}' was rolled back`, { version: number(to) });
    return { from: number(from), to: number(to) };
  }

  /** Closes a task for good; returns the digest of its answers. */
  async close(task: string): Promise<string | null> {
    const { engine, backbone, store, discriminants } = this.rooms;
    discriminants.save();
    const version = await closeTask(engine, backbone, store, task, this.announcer.instantAccuracy(task));
    await this.runs(
      task,
      'task-closed',
      `task '${task}' is closed: its answers stay the same, bit for bit`,
      {},
    );
    return version?.digest ?? null;
  }

  /** Tells everyone what a task runs now. */
  async runs<K extends ChangeKind>(
    task: string,
    kind: K,
    message: string,
    data: Omit<EventData[K], 'task'>,
  ): Promise<void> {
    await this.recognizer.forget(task);
    this.announcer.guarded('offered packs', () => this.packs.reconsider());
    this.announcer.event(kind, 'info', message, { task, ...data } as EventData[K]);
    if (kind === 'promoted') this.page?.study(task);
    this.announcer.adapter(task);
    this.announcer.publishMetrics();
  }

  private async begin(): Promise<void> {
    this.link.start();
    this.webhooks.start();
    const { engine, memory, discriminants } = this.rooms;
    this.parts.log.info(
      {
        tasks: this.store.tasks.list().length,
        samples: memory.stats().samples,
        engine: `${engine.name} ${engine.version}`,
      },
      'agent started',
    );
    await this.page?.start();
    await this.sources.start((d) => this.deliveries.receive(d));
    this.timers.push(setInterval(() => this.announcer.publishMetrics(), METRICS_EVERY_MS));
    this.timers.push(
      setInterval(() => this.announcer.guarded('saving', () => discriminants.save()), SAVE_EVERY_MS),
    );
    this.timers.push(
      setInterval(() => this.announcer.guarded('saving', () => this.ledger.save()), SAVE_EVERY_MS),
    );
    this.timers.push(
      setInterval(() => this.announcer.guarded('heartbeat', () => this.beat()), BEAT_EVERY_MS),
    );
    this.schedule.start();
    this.training.resume();
    this.announcer.publishMetrics();
    await this.parts.notifier.ready();
  }

  private openPage(server: FastifyInstance): DevicePage {
    const { store } = this.rooms;
    const page = new DevicePage(this.parts, this.rooms, {
      learning: new Teaching(this.rooms, this.intake, this.recognizer),
      recognizer: this.recognizer,
      training: this.training,
      ledger: this.ledger,
      feeds: this.sources.feeds,
      metrics: () => this.metrics(),
      connected: () => this.link.status.connected,
      mayTrain: () => this.guards.mayTrain(store.folder),
      isolationOf: (task) => this.isolationOf(task),
      select: (task) => this.select(task),
      rollback: (task) => this.rollback(task),
      close: (task) => this.close(task),
    });
    page.register(server);
    return page;
  }

  private openIntake(): Intake {
    const { config, profile, log } = this.parts;
    const { backbone, trunk, store, memory, discriminants } = this.rooms;
    return new Intake({
      backbone,
      trunk,
      store,
      memory,
      discriminants,
      classify: (latents, task) => this.recognizer.classify(latents, task),
      isolationOf: (task) => this.isolationOf(task),
      heldOut: config.learn.heldOut,
      batch: profile.trunkBatch,
      onLabel: ({ task, heldOut, ...sample }) => {
        this.training.label(task);
        void this.recognizer.labelled(task, heldOut ? undefined : sample);
      },
      onKept: (pictures) => {
        this.page?.kept(pictures).catch((error) => log.error({ error: messageOf(error) }, 'no thumbnail'));
      },
      onRejected: (path, reason) => this.deliveries.setAside(path, reason),
      log,
    });
  }

  private announced(): AnnouncedParts {
    const { link, webhooks, page, sources, training, packs, active, guards, outbox } = this;
    return { link, webhooks, page, sources, training, packs, active, guards, outbox };
  }

  private isolationOf(task: string): Isolation {
    const { tasks, learn } = this.parts.config;
    return firstIsolation(tasks[task]?.isolation ?? learn.isolation);
  }

  /**
   * Tells the watchdog that an idle daemon lives: its event loop turns and its database answers. While a training
   * runs, only the training's own steps count, so that one that hangs is noticed.
   */
  private beat(): void {
    if (this.training.running) return;
    this.store.settings.get('boot');
    this.parts.notifier.progress();
  }
}
