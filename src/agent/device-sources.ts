import type { FastifyInstance } from 'fastify';
import type { CaptureContext } from '../capture/context.js';
import type { SourceStatus } from '../capture/counters.js';
import { Feeds } from '../capture/feeds.js';
import type { Sink, Source } from '../capture/source.js';
import { openSources } from '../capture/sources.js';
import type { Store } from '../store/store.js';
import type { AgentParts } from './open-rooms.js';

/** Everything that a device sees with. */
export class DeviceSources {
  /** What sources and others listen to on brokers. */
  readonly feeds: Feeds;
  private readonly sources: readonly Source[];

  /**
   * @param server that pictures may be posted to
   * @throws LichenError where a source's settings do not fit the device
   */
  constructor(
    { config, log }: AgentParts,
    { seen, settings }: Pick<Store, 'seen' | 'settings'>,
    input: CaptureContext['input'],
    server: FastifyInstance | undefined,
    { report, taskOfLabels }: Pick<CaptureContext, 'report' | 'taskOfLabels'>,
  ) {
    this.feeds = new Feeds(config.device.id, config.mqtt, config.learn.seed);
    this.sources = openSources(config.sources, {
      seen: {
        has: (path, size, mtime) => seen.find(path, size, mtime) !== undefined,
        add: (path, size, mtime, sample) => seen.add([{ path, size, mtime, sample }]),
      },
      settings,
      input,
      feed: (broker) => this.feeds.get(broker),
      server,
      report,
      taskOfLabels,
      seed: config.learn.seed,
      log,
    });
  }

  async start(sink: Sink): Promise<void> {
    for (const source of this.sources) {
      const { source: name } = source.status();
      await source.start((picture) => sink({ ...picture, source: name }));
    }
  }

  /** Resolves when nothing more comes, and what was being delivered is done. */
  async stop(): Promise<void> {
    await Promise.all(this.sources.map((s) => s.stop()));
  }

  /** What each source has seen and done. */
  status(): SourceStatus[] {
    return this.sources.map((s) => s.status());
  }
}
