import { messageOf } from '../errors.js';
import type { EventView } from '../label/api.js';
import type { EventData, EventKind } from '../link/event-data.js';
import type { Link } from '../link/link.js';
import type { Outbox } from '../link/outbox.js';
import type { AdapterBody, EventBody, MetricsBody, ResultBody, ResultEventBody } from '../link/schemas.js';
import type { ActiveTask } from './active-task.js';
import type { DevicePage } from './device-page.js';
import type { DeviceSources } from './device-sources.js';
import type { Guards } from './guards.js';
import type { AgentParts, Rooms } from './open-rooms.js';
import type { Packs } from './packs.js';
import { adapterReport, metricsOf, type ReportSources } from './reports.js';
import type { Training } from './training.js';
import type { Webhooks } from './webhooks.js';

/** What is told of, and by whom. All are there once the agent has been put together. */
export interface AnnouncedParts {
  link: Link;
  webhooks: Webhooks;
  page: DevicePage | undefined;
  sources: DeviceSources;
  training: Training;
  packs: Packs;
  active: ActiveTask;
  guards: Guards;
  outbox: Outbox;
}

/** Tells others of the device: the broker, addresses by webhook, the owner's page, the log. */
export class Announcer {
  private readonly parts: Pick<AgentParts, 'config' | 'log'>;
  private readonly rooms: Pick<Rooms, 'backbone' | 'store' | 'memory'>;
  private readonly told: () => AnnouncedParts;
  private readonly instantAccuracies = new Map<string, number | null>();
  /** What the link's neighbour was told of. */
  private announced = '';

  /** @param told asked each time, first when something is to be told */
  constructor(
    parts: Pick<AgentParts, 'config' | 'log'>,
    rooms: Pick<Rooms, 'backbone' | 'store' | 'memory'>,
    told: () => AnnouncedParts,
  ) {
    this.parts = parts;
    this.rooms = rooms;
    this.told = told;
  }

  /** Something happened. */
  event<K extends EventKind>(
    kind: K,
    severity: EventBody['severity'],
    message: string,
    data: EventData[K],
  ): void {
    const { link, webhooks, page } = this.told();
    const event: EventBody = { kind, severity, message: message.slice(0, 4000), data: { ...data } };
    this.parts.log[severity === 'warning' ? 'warn' : severity]({ kind, ...event.data }, message);
    this.guarded('event', () => link.publish('event', event));
    this.guarded('webhook', () => webhooks.event(event));
    page?.event({ at: Date.now(), kind, severity, message: event.message, data } as EventView);
  }

  /**
   * A picture was answered.
   * @param changed whether what the stream says is another than before
   */
  result(body: ResultBody, changed: boolean): void {
    const { link, webhooks } = this.told();
    link.publish('result', body);
    this.guarded('webhook', () => webhooks.result(body, changed));
  }

  /** What stands of a source's answers is another. */
  standing(body: ResultEventBody): void {
    this.guarded('result event', () => this.told().link.publish('result-event', body));
  }

  /** What a task runs now. */
  adapter(task: string): void {
    this.guarded('adapter report', () =>
      this.told().link.publish('adapter', this.adapterOf(this.rooms.store.tasks.require(task))),
    );
  }

  /** What every task runs now. */
  adapters(): AdapterBody[] {
    return this.rooms.store.tasks.list().map((t) => this.adapterOf(t));
  }

  /** The device's metrics now. */
  metrics(): MetricsBody {
    return metricsOf(this.reportSources());
  }

  publishMetrics(): void {
    const { link } = this.told();
    const shown = JSON.stringify(this.shown());
    if (shown !== this.announced) {
      this.announced = shown;
      void link.announceNeighbour();
    }
    this.guarded('metrics', () => link.publish('metrics', this.metrics()));
  }

  /** What waits for the owner is another: the command in Home Assistant is for one install, and has to become another one. */
  offersChanged(): void {
    this.announced = '';
    this.publishMetrics();
  }

  /** Home Assistant has started: it is told of the device, what the device measures, and what each task answered last. */
  showAgain(): void {
    const { link } = this.told();
    void link.announceNeighbour().then(() => link.repeatResults());
    this.publishMetrics();
  }

  /** What Home Assistant is told that there is. */
  shown(): { tasks: string[]; updates?: string[]; pictures: string[] } {
    const { packs, sources } = this.told();
    const tasks = this.rooms.store.tasks.list().map((t) => t.name);
    const offers = packs.offers();
    const shown = this.parts.config.homeAssistant.pictures ? sources.status() : [];
    return {
      tasks,
      ...(offers && { updates: [...new Set([...tasks, ...offers.map((o) => o.task)])] }),
      pictures: shown.map((s) => s.source),
    };
  }

  /** Notes what a training has measured of a task's instant answer. */
  measured(task: string, accuracy: number | null): void {
    this.instantAccuracies.set(task, accuracy);
  }

  /** Of a task's instant answer, as the last training measured it, be it before this start of the program. */
  instantAccuracy(task: string): number | null {
    const trained = this.rooms.store.versions.list(task).findLast((v) => v.source === 'trained');
    const before = trained?.metrics.instantAccuracy;
    return this.instantAccuracies.get(task) ?? (typeof before === 'number' ? before : null);
  }

  /** Work that must not stop the daemon: what fails of it (a full disk) is logged. */
  guarded(what: string, work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.parts.log.error({ error: messageOf(error) }, `${what} failed`);
    }
  }

  private adapterOf(task: Parameters<typeof adapterReport>[1]): AdapterBody {
    return adapterReport(this.reportSources(), task);
  }

  private reportSources(): ReportSources {
    const { training, outbox, sources, packs, active, guards } = this.told();
    return {
      ...this.rooms,
      training,
      outbox: () => outbox.stats,
      sources: () => sources.status(),
      instantAccuracy: (task) => this.instantAccuracy(task),
      offers: () => packs.offers(),
      activeTask: () => active.name,
      temperature: () => guards.celsius,
    };
  }
}
