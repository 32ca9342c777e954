import type { FastifyInstance } from 'fastify';
import type { Picture } from '../capture/source.js';
import { messageOf } from '../errors.js';
import type { EventView } from '../label/api.js';
import { Sealed } from '../label/sealed.js';
import type { ChangeKind, EventData, EventKind } from '../link/event-data.js';
import { Ledger } from '../link/ledger.js';
import type { Link } from '../link/link.js';
import { Outbox } from '../link/outbox.js';
import type { EventBody, MetricsBody } from '../link/schemas.js';
import { WebhookQueue } from '../link/webhook-queue.js';
import type { Answer } from '../recognize/answer.js';
import { Recognizer } from '../recognize/recognizer.js';
import { keyFileOf, type Store } from '../store/store.js';
import type { Isolation } from '../store/tasks.js';
import { ActiveTask } from './active-task.js';
import { closeTask } from './close-task.js';
import { DevicePage } from './device-page.js';
import { DeviceSources } from './device-sources.js';
import { firstIsolation } from './growth.js';
import { Guards } from './guards.js';
import { homeAssistant } from './home-assistant.js';
import { newDeviceServer } from './http.js';
import { Intake, isFaultOfPicture, type Kept } from './intake.js';
import { openLink } from './open-link.js';
import { type AgentParts, type Rooms, withRooms } from './open-rooms.js';
import { openTraining } from './open-training.js';
import { OpenedTasks } from './opened-tasks.js';
import { Packs } from './packs.js';
import { RecentLabels } from './recent-labels.js';
import { heldOutOf, noveltyRule } from './recognize-config.js';
import { adapterReport, metricsOf, type ReportSources } from './reports.js';
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
  /** Tasks that were opened for what sources show now. */
  readonly opened: OpenedTasks;
  private readonly active: ActiveTask;
  private readonly guards: Guards;
  /** What the link's neighbour was told of. */
  private announced = '';
  private readonly outbox: Outbox;
  private readonly pictures: ShownPictures | undefined;
  private readonly schedule: Schedule;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly instantAccuracies = new Map<string, number | null>();
  private newest: (Answer & { sample: string; source: string }) | undefined;

  private constructor(parts: AgentParts, rooms: Rooms) {
    const { config, log } = parts;
    const { engine, backbone, store, discriminants } = rooms;
    this.parts = parts;
    this.rooms = rooms;
    this.store = store;
    this.packs = new Packs(
      config,
      rooms,
      {
        report: (...event) => this.report(...event),
        runs: (...change) => this.runs(...change),
        offersChanged: () => {
          // The command in Home Assistant is for one install: it has to become another one.
          this.announced = '';
          this.publishMetrics();
        },
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
      result: (body, changed) => {
        this.link.publish('result', body);
        this.guarded('webhook', () => this.webhooks.result(body, changed));
      },
      standing: (body) => this.guarded('result event', () => this.link.publish('result-event', body)),
      drift: (message, data) => this.report('drift', 'warning', message, data),
      opened: (source, { name, like }) => {
        const message = `the pictures of '${source}' are none of '${like}': the task '${name}' was opened for them; label some`;
        void this.runs(name, 'task-opened', message, { source, like });
      },
    };
    this.streams = new StreamReports(config.recognize, sinks, this.opened);
    this.outbox = new Outbox(store.database, { capBytes: config.mqtt.outboxCap });
    this.training = openTraining(parts, rooms, {
      report: (...event) => this.report(...event),
      runs: (...change) => this.runs(...change),
      measured: (task, accuracy) => this.instantAccuracies.set(task, accuracy),
    });
    this.intake = this.openIntake();
    this.link = openLink(
      parts,
      rooms,
      this.outbox,
      this.ledger,
      () => store.tasks.list().map((t) => adapterReport(this.reportSources(), t)),
      homeAssistant(
        parts,
        () => this.shown(),
        () => this.showAgain(),
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
    registerRequests(this.link, this);
    const server =
      config.http.port === undefined
        ? undefined
        : newDeviceServer(config.http.token, (...one) => this.ledger.served(...one), log);
    this.sources = new DeviceSources(parts, store, backbone.manifest.input, server, {
      report: (kind, message, data) => {
        // Nobody knows what it would show.
        if (kind === 'source-failed') this.streams.end(data.source, Date.now());
        this.report(kind, kind === 'source-failed' ? 'warning' : 'info', message, data);
      },
      taskOfLabels: (source) => this.taskOfLabels(source),
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
    this.guarded('saving', () => discriminants.save());
    this.guarded('saving', () => memory.flush());
    await Promise.all([this.link.stop(), this.webhooks.stop()]);
    this.guarded('saving', () => this.ledger.save());
    await this.recognizer.close();
    await discriminants.close();
    await trunk.close();
    this.guarded('saving', () => memory.close());
    this.store.close();
  }

  /** The device's metrics now. */
  metrics(): MetricsBody {
    return metricsOf(this.reportSources());
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
    this.publishMetrics();
  }

  /** The last answer that was given for a picture of a source. */
  newestAnswer(): (Answer & { sample: string; source: string }) | undefined {
    return this.newest;
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
    const version = await closeTask(engine, backbone, store, task, this.instantAccuracy(task));
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
    this.guarded('offered packs', () => this.packs.reconsider());
    this.report(kind, 'info', message, { task, ...data } as EventData[K]);
    if (kind === 'promoted') this.page?.study(task);
    this.guarded('adapter report', () =>
      this.link.publish('adapter', adapterReport(this.reportSources(), this.store.tasks.require(task))),
    );
    this.publishMetrics();
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
    await this.sources.start((d) => this.receive(d));
    this.timers.push(setInterval(() => this.publishMetrics(), METRICS_EVERY_MS));
    this.timers.push(setInterval(() => this.guarded('saving', () => discriminants.save()), SAVE_EVERY_MS));
    this.timers.push(setInterval(() => this.guarded('saving', () => this.ledger.save()), SAVE_EVERY_MS));
    this.timers.push(setInterval(() => this.guarded('heartbeat', () => this.beat()), BEAT_EVERY_MS));
    this.schedule.start();
    this.training.resume();
    this.publishMetrics();
    await this.parts.notifier.ready();
  }

  private async receive(delivery: Picture): Promise<Kept | undefined> {
    const { label, source, path, fault, trust } = delivery;
    if (fault !== undefined) {
      this.setAside(path, fault);
      return undefined;
    }
    if (label !== undefined && trust !== undefined) return this.receiveWeak(delivery, label, trust);
    const found = label === undefined ? this.active.name : this.taskOfLabels(source);
    const task = delivery.task ?? found;
    const kept = await this.intake.deliver({ ...delivery, task });
    this.parts.notifier.progress();
    if (!kept) return undefined;
    const { sample, latent, answer } = kept;
    const { bytes } = delivery;
    const at = Date.now();
    const smoothed = answer && this.streams.tell(delivery, sample, answer, at, task !== undefined);
    if (answer) {
      this.newest = { ...answer, sample, source: source ?? path };
      if (source !== undefined) this.pictures?.show(source, bytes);
    }
    if (this.page && label === undefined) {
      const shown = { sample, source: source ?? path, at, bytes, latent, answer, smoothed };
      await this.page.seen({ ...shown, task });
    }
    return kept;
  }

  /** Takes a picture in whose label may be wrong: it is answered first. */
  private async receiveWeak(delivery: Picture, label: string, trust: number): Promise<Kept | undefined> {
    const { path, bytes, source = path } = delivery;
    const task = delivery.task ?? this.taskOfLabels(source);
    if (task === undefined || !this.page) return undefined;
    const kept = await this.intake.deliver({ path, bytes, task });
    this.parts.notifier.progress();
    if (!kept) return undefined;
    const { sample, latent, answer } = kept;
    const frame = { sample, source, task, at: Date.now(), bytes, latent, answer, smoothed: undefined };
    try {
      await this.page.weak(frame, { task, label, trust });
    } catch (error) {
      if (!isFaultOfPicture(error)) throw error;
      this.setAside(path, error.message);
    }
    return kept;
  }

  /** The task of a label that names none: the one that was opened for its source, or the one that the owner chose. */
  private taskOfLabels(source: string | undefined): string | undefined {
    const own = source === undefined ? undefined : this.opened.of(source);
    const { name } = this.active;
    const chosen = name !== undefined && this.openTasks().includes(name) ? name : undefined;
    return own ?? chosen;
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
      onRejected: (path, reason) => this.setAside(path, reason),
      log,
    });
  }

  private setAside(path: string, reason: string): void {
    this.store.rejects.add(path, reason);
    this.report('picture-set-aside', 'warning', `${path}: ${reason}`, { path, reason });
  }

  private reportSources(): ReportSources {
    const { backbone, store, memory } = this.rooms;
    return {
      backbone,
      store,
      memory,
      training: this.training,
      outbox: () => this.outbox.stats,
      sources: () => this.sources.status(),
      instantAccuracy: (task) => this.instantAccuracy(task),
      offers: () => this.packs.offers(),
      activeTask: () => this.active.name,
      temperature: () => this.guards.celsius,
    };
  }

  private isolationOf(task: string): Isolation {
    const { tasks, learn } = this.parts.config;
    return firstIsolation(tasks[task]?.isolation ?? learn.isolation);
  }

  private taskNames(): string[] {
    return this.store.tasks.list().map((t) => t.name);
  }

  /** What Home Assistant is told that there is. */
  private shown() {
    const tasks = this.taskNames();
    const offers = this.packs.offers();
    const sources = this.parts.config.homeAssistant.pictures ? this.sources.status() : [];
    return {
      tasks,
      ...(offers && { updates: [...new Set([...tasks, ...offers.map((o) => o.task)])] }),
      pictures: sources.map((s) => s.source),
    };
  }

  /** Home Assistant has started: it is told of the device, what the device measures, and what each task answered last. */
  private showAgain(): void {
    void this.link.announceNeighbour().then(() => this.link.repeatResults());
    this.publishMetrics();
  }

  /** Of a task's instant answer, as the last training measured it, be it before this start of the program. */
  private instantAccuracy(task: string): number | null {
    const trained = this.store.versions.list(task).findLast((v) => v.source === 'trained');
    const before = trained?.metrics.instantAccuracy;
    return this.instantAccuracies.get(task) ?? (typeof before === 'number' ? before : null);
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

  private publishMetrics(): void {
    const shown = JSON.stringify(this.shown());
    if (shown !== this.announced) {
      this.announced = shown;
      void this.link.announceNeighbour();
    }
    this.guarded('metrics', () => this.link.publish('metrics', this.metrics()));
  }

  private report<K extends EventKind>(
    kind: K,
    severity: EventBody['severity'],
    message: string,
    data: EventData[K],
  ): void {
    const event: EventBody = { kind, severity, message: message.slice(0, 4000), data: { ...data } };
    this.parts.log[severity === 'warning' ? 'warn' : severity]({ kind, ...event.data }, message);
    this.guarded('event', () => this.link.publish('event', event));
    this.guarded('webhook', () => this.webhooks.event(event));
    this.page?.event({ at: Date.now(), kind, severity, message: event.message, data } as EventView);
  }

  /** A report that cannot be written (a full disk) is logged; it never stops the daemon. */
  private guarded(what: string, work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.parts.log.error({ error: messageOf(error) }, `${what} failed`);
    }
  }
}
