import { join } from 'node:path';
import type { Logger } from 'pino';
import { Backbone } from '../backbone/backbone.js';
import { latentBytes } from '../backbone/latent.js';
import { defaultManifest } from '../backbone/manifest.js';
import type { Trunk } from '../backbone/trunk.js';
import type { Source } from '../capture/source.js';
import { openSource } from '../capture/sources.js';
import type { DeviceProfile } from '../device/profile.js';
import { openEngine } from '../engine/choose.js';
import type { Engine } from '../engine/engine.js';
import { ORT_VERSION } from '../engine/ort.js';
import { LichenError, messageOf } from '../errors.js';
import { Link } from '../link/link.js';
import { Outbox } from '../link/outbox.js';
import { RequestLog } from '../link/request-log.js';
import type { EventBody, MetricsBody } from '../link/schemas.js';
import { loadTrustedKey, type TrustedKey } from '../pack/keys.js';
import { type Answer, Recognizer } from '../recognize/recognizer.js';
import { ReplayMemory } from '../replay/memory.js';
import { loadOrCreateKey } from '../replay/vault.js';
import { openStore, type Store } from '../store/store.js';
import { closeTask } from './close-task.js';
import type { AgentConfig } from './config.js';
import { Discriminants } from './discriminants.js';
import { Guards } from './guards.js';
import { type Installed, installPack } from './install.js';
import { Intake } from './intake.js';
import type { Notifier } from './notify.js';
import { adapterReport, metricsOf, type ReportSources } from './reports.js';
import { registerRequests } from './requests.js';
import { Schedule } from './schedule.js';
import { Training } from './training.js';

const METRICS_EVERY_MS = 10_000;
const SAVE_EVERY_MS = 60_000;
const BEAT_EVERY_MS = 1000;

export interface AgentParts {
  config: AgentConfig;
  profile: DeviceProfile;
  version: string;
  notifier: Notifier;
  log: Logger;
}

/** The daemon on the device. It only puts the rooms together: sources, intake, training, reports, requests. */
export class Agent {
  readonly store: Store;
  readonly intake: Intake;
  readonly training: Training;
  readonly link: Link;
  private readonly parts: AgentParts;
  private readonly engine: Engine;
  private readonly backbone: Backbone;
  private readonly trunk: Trunk;
  private readonly memory: ReplayMemory;
  private readonly discriminants: Discriminants;
  private readonly recognizer: Recognizer;
  private readonly outbox: Outbox;
  private readonly trusted: readonly TrustedKey[];
  private readonly sources: Source[] = [];
  private readonly schedule: Schedule;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly instantAccuracies = new Map<string, number | null>();
  private newest: (Answer & { sample: string; source: string }) | undefined;

  private constructor(
    parts: AgentParts,
    opened: {
      engine: Engine;
      backbone: Backbone;
      trunk: Trunk;
      store: Store;
      memory: ReplayMemory;
      discriminants: Discriminants;
    },
  ) {
    const { config, log } = parts;
    this.parts = parts;
    this.engine = opened.engine;
    this.backbone = opened.backbone;
    this.trunk = opened.trunk;
    this.store = opened.store;
    this.memory = opened.memory;
    this.discriminants = opened.discriminants;
    this.trusted = config.packs.trustedKeys.map(loadTrustedKey);
    this.recognizer = new Recognizer(this.engine, this.backbone, this.store, (task) =>
      this.discriminants.get(task),
    );
    this.outbox = new Outbox(this.store.database, { capBytes: config.mqtt.outboxCap });
    this.training = this.openTraining();
    this.intake = this.openIntake();
    this.link = this.openLink();
    this.schedule = new Schedule(config.schedule, () => this.training.trainAll());
    registerRequests(this.link, this);
    for (const source of config.sources) this.sources.push(openSource(source, this.seen(), log));
  }

  /** Opens store, memory, backbone and trunk, and starts everything. */
  static async start(parts: AgentParts): Promise<Agent> {
    const { config, profile } = parts;
    const engine = openEngine(config.engine);
    const store = openStore(config.store);
    try {
      const backbone = await Backbone.open(config.backbone ?? defaultManifest(), engine, config.split);
      const memory = ReplayMemory.open({
        file: join(config.store, 'replay.slab'),
        capBytes: config.replay.cap,
        latentBytes: latentBytes(backbone.latentCodec),
        key: loadOrCreateKey(join(config.store, 'replay.key')),
        seed: config.learn.seed,
      });
      const native = { threads: profile.threads, arena: profile.arena };
      const discriminants = await Discriminants.open(engine, backbone, store, memory, native);
      const trunk = await backbone.openTrunk(engine, native);
      const agent = new Agent(parts, { engine, backbone, trunk, store, memory, discriminants });
      await agent.begin();
      return agent;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Ends cleanly: nothing that was acknowledged is lost, and the broker hears `offline`. */
  async stop(): Promise<void> {
    await this.parts.notifier.stopping();
    for (const t of this.timers) clearInterval(t);
    this.schedule.stop();
    await Promise.all(this.sources.map((s) => s.stop()));
    await this.training.stop();
    await this.intake.idle();
    this.guarded('saving', () => this.discriminants.save());
    this.guarded('saving', () => this.memory.flush());
    await this.link.stop();
    await this.recognizer.forget();
    await this.discriminants.close();
    await this.trunk.close();
    this.guarded('saving', () => this.memory.close());
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

  /** The last answer that was given for a picture of a source. */
  newestAnswer(): (Answer & { sample: string; source: string }) | undefined {
    return this.newest;
  }

  /** Why a picture got no answer. */
  whyNot(path: string): string {
    const reject = this.store.rejects.list().find((r) => r.path === path);
    return reject?.reason ?? 'no task has learned enough to answer yet';
  }

  /** Closes a task for good; returns the digest of its answers. */
  async close(task: string): Promise<string | null> {
    this.discriminants.save();
    const { engine, backbone, store } = this;
    const version = await closeTask(engine, backbone, store, task, this.instantAccuracy(task));
    await this.runs(task, 'task-closed', `task '${task}' is closed: its answers stay the same, bit for bit`);
    return version?.digest ?? null;
  }

  /** Installs a pack; refuses with an event what is not acceptable. */
  async install(bytes: Uint8Array): Promise<Installed> {
    try {
      this.discriminants.save();
      const { engine, backbone, store, memory, trusted } = this;
      const installed = await installPack(engine, backbone, store, memory, trusted, bytes);
      const { task, version, promoted, reason } = installed;
      await this.runs(
        task,
        promoted ? 'pack-installed' : 'pack-kept',
        `version ${version.number} of '${task}': ${reason}`,
      );
      return installed;
    } catch (error) {
      const code = error instanceof LichenError ? error.code : 'defect';
      this.report('pack-refused', 'warning', messageOf(error), { code });
      throw error;
    }
  }

  /** Tells everyone what a task runs now. */
  async runs(task: string, kind: string, message: string, data: Record<string, unknown> = {}): Promise<void> {
    await this.recognizer.forget(task);
    this.report(kind, 'info', message, { task, ...data });
    this.guarded('adapter report', () =>
      this.link.publish('adapter', adapterReport(this.reportSources(), this.store.tasks.require(task))),
    );
    this.publishMetrics();
  }

  private async begin(): Promise<void> {
    this.link.start();
    const { memory } = this;
    this.parts.log.info(
      {
        tasks: this.store.tasks.list().length,
        samples: memory.stats().samples,
        engine: `${this.engine.name} ${this.engine.version}`,
      },
      'agent started',
    );
    for (const source of this.sources) {
      await source.start((d) => this.receive(d));
    }
    this.timers.push(setInterval(() => this.publishMetrics(), METRICS_EVERY_MS));
    this.timers.push(
      setInterval(() => this.guarded('saving', () => this.discriminants.save()), SAVE_EVERY_MS),
    );
    this.timers.push(setInterval(() => this.guarded('heartbeat', () => this.beat()), BEAT_EVERY_MS));
    this.schedule.start();
    this.training.resume();
    this.publishMetrics();
    await this.parts.notifier.ready();
  }

  private async receive(delivery: {
    path: string;
    bytes: Buffer;
    task?: string;
    label?: string;
  }): Promise<string | undefined> {
    const kept = await this.intake.deliver(delivery);
    this.parts.notifier.progress();
    if (kept?.answer) {
      const { task, label, probability, version } = kept.answer;
      this.newest = { ...kept.answer, sample: kept.sample, source: delivery.path };
      this.link.publish('result', {
        task,
        label,
        probability,
        version,
        sample: kept.sample,
        source: delivery.path,
      });
    }
    return kept?.sample;
  }

  private openTraining(): Training {
    const { config, profile, log, notifier } = this.parts;
    const { engine, backbone, store, memory, discriminants } = this;
    const guards = new Guards(config.guards, profile);
    return new Training({
      engine,
      backbone,
      store,
      memory,
      discriminants,
      rehearsal: config.learn.rehearsal,
      learnerOf: (task) => ({
        epochs: config.tasks[task]?.epochs ?? config.learn.epochs,
        batch: config.learn.batch,
        seed: config.learn.seed,
        threads: profile.threads,
        arena: profile.arena,
      }),
      memoryCap: config.memory.cap,
      newLabels: config.learn.newLabels,
      quietMs: 2000,
      allowed: () => guards.mayTrain(config.store),
      onStart: (task) => this.report('training-started', 'info', `training '${task}'`, { task }),
      onProgress: () => notifier.progress(),
      onTrained: async (task, t) => {
        this.instantAccuracies.set(task, t.instant.heldOutAccuracy);
        const { number } = t.version;
        const what = t.promoted ? 'promoted' : 'kept as a candidate';
        await this.runs(
          task,
          t.promoted ? 'promoted' : 'candidate-kept',
          `version ${number} of '${task}' ${what}: ${t.reason}`,
          {
            version: number,
            heldOutAccuracy: t.candidate.heldOutAccuracy,
            instantAccuracy: t.instant.heldOutAccuracy,
          },
        );
      },
      onFailed: (task, error) => this.report('training-failed', 'warning', messageOf(error), { task }),
      log,
    });
  }

  private openIntake(): Intake {
    const { config, profile, log } = this.parts;
    return new Intake({
      backbone: this.backbone,
      trunk: this.trunk,
      store: this.store,
      memory: this.memory,
      discriminants: this.discriminants,
      classify: (latents, task) => this.recognizer.classify(latents, task),
      isolationOf: (task) => config.tasks[task]?.isolation ?? config.learn.isolation,
      heldOut: config.learn.heldOut,
      batch: profile.trunkBatch,
      onLabel: (task) => {
        this.training.label(task);
        // The instant answer is a new one with every label.
        if (!this.store.versions.current(task)) void this.recognizer.forget(task);
      },
      onRejected: (path, reason) => {
        this.store.rejects.add(path, reason);
        this.report('picture-set-aside', 'warning', `${path}: ${reason}`, { path });
      },
      log,
    });
  }

  private openLink(): Link {
    const { config, profile, version, log } = this.parts;
    const { url, protocol, username, password, reconnectMax } = config.mqtt;
    return new Link({
      url,
      device: config.device.id,
      outbox: this.outbox,
      requests: new RequestLog(this.store.database),
      protocolVersion: protocol,
      username,
      password,
      bootSequence: this.store.settings.increment('boot'),
      reconnect: { minMs: 1000, maxMs: reconnectMax },
      birth: () => ({
        versions: { program: version, node: process.versions.node, onnxruntime: ORT_VERSION },
        profile: profile.name,
        capabilities: [
          ...['piggyback', 'pnn', `engine-${this.engine.name}`],
          ...config.sources.map((s) => `source-${s.kind}`),
        ],
      }),
      adapters: () => this.store.tasks.list().map((t) => adapterReport(this.reportSources(), t)),
      log,
    });
  }

  private seen() {
    const { seen } = this.store;
    return {
      has: (path: string, size: number, mtime: number) => seen.find(path, size, mtime) !== undefined,
      add: (path: string, size: number, mtime: number, sample?: string) =>
        seen.add([{ path, size, mtime, sample }]),
    };
  }

  private reportSources(): ReportSources {
    const { backbone, store, memory, training } = this;
    return {
      backbone,
      store,
      memory,
      training,
      outbox: () => this.outbox.stats,
      instantAccuracy: (task) => this.instantAccuracy(task),
    };
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
    this.guarded('metrics', () => this.link.publish('metrics', this.metrics()));
  }

  private report(
    kind: string,
    severity: EventBody['severity'],
    message: string,
    data: Record<string, unknown>,
  ): void {
    this.parts.log[severity === 'warning' ? 'warn' : severity]({ kind, ...data }, message);
    this.guarded('event', () =>
      this.link.publish('event', { kind, severity, message: message.slice(0, 4000), data }),
    );
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
