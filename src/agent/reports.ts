import { readFileSync } from 'node:fs';
import type { Backbone } from '../backbone/backbone.js';
import type { SourceStatus } from '../capture/counters.js';
import type { OutboxStats } from '../link/outbox.js';
import type { AdapterBody, MetricsBody, OfferStatus, TaskMetrics } from '../link/schemas.js';
import type { ReplayMemory } from '../replay/memory.js';
import type { Store } from '../store/store.js';
import type { Task } from '../store/tasks.js';
import type { Training } from './training.js';

/** What the reports are made from. */
export interface ReportSources {
  backbone: Backbone;
  store: Store;
  memory: ReplayMemory;
  training: Training;
  outbox: () => OutboxStats;
  /** What each source of pictures has seen and done. */
  sources: () => SourceStatus[];
  /** Accuracy of each task's instant answer, where it was measured. */
  instantAccuracy: (task: string) => number | null;
  /** Packs that wait for the owner; undefined where none ever do. */
  offers: () => OfferStatus[] | undefined;
  /** The task that the owner has fixed. */
  activeTask: () => string | undefined;
  /** Of the processor, degrees Celsius. */
  temperature: () => number | undefined;
}

/** The device's metrics, as they are published and as `status` answers. */
export function metricsOf(sources: ReportSources): MetricsBody {
  const { backbone, store, memory, training, outbox } = sources;
  const { capBytes, usedBytes, samples } = memory.stats();
  const running = training.running;
  const temperatureCelsius = sources.temperature();
  const offers = sources.offers();
  return {
    tasks: store.tasks.list().map((task) => taskMetrics(sources, task)),
    replay: { capBytes, usedBytes, samples },
    backboneBytes: backbone.bytes,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    uptimeSeconds: Math.round(process.uptime()),
    diskWrittenBytes: diskWrittenBytes(),
    outbox: outbox(),
    sources: sources.sources(),
    activeTask: sources.activeTask() ?? null,
    ...(offers && { offers }),
    ...(temperatureCelsius !== undefined && { temperatureCelsius }),
    ...(running?.progress && {
      training: {
        task: running.task,
        epoch: running.progress.epoch,
        epochs: running.progress.epochs,
        loss: running.progress.loss,
      },
    }),
  };
}

function taskMetrics({ store, memory, instantAccuracy }: ReportSources, task: Task): TaskMetrics {
  const current = store.versions.current(task.name);
  return {
    task: task.name,
    classes: [...task.classes],
    samples: memory.refs({ task: task.name }).length,
    accuracyHeldOut: current ? accuracyOf(current.metrics) : instantAccuracy(task.name),
    current: current?.number ?? 'instant',
    isolation: current?.isolation ?? task.isolation,
    adapterBytes: current?.adapterBytes ?? 0,
    closed: task.closedAt !== undefined,
  };
}

/** What a task now runs, as it is published and retained. */
export function adapterReport({ store, instantAccuracy }: ReportSources, task: Task): AdapterBody {
  const current = store.versions.current(task.name);
  const promotion = store.versions.history(task.name).at(-1);
  return {
    task: task.name,
    version: current?.number ?? 'instant',
    sha256: current?.sha256 ?? null,
    bytes: current?.adapterBytes ?? 0,
    accuracy: current ? accuracyOf(current.metrics) : instantAccuracy(task.name),
    promotedAt: new Date(promotion?.at ?? task.createdAt).toISOString(),
    digest: current?.digest ?? null,
  };
}

function accuracyOf(metrics: Readonly<Record<string, unknown>>): number | null {
  const value = metrics.heldOutAccuracy;
  return typeof value === 'number' ? value : null;
}

/** Bytes that this process had written to the disk; 0 where the system does not say. */
function diskWrittenBytes(): number {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
