import type { FastifyInstance } from 'fastify';
import type { CaptureContext } from '../capture/context.js';
import type { SourceStatus } from '../capture/counters.js';
import { Feeds } from '../capture/feeds.js';
import type { Sink, Source } from '../capture/source.js';
import { openSources } from '../capture/sources.js';
import type { Store } from '../store/store.js';
import { listenOn, newDeviceServer } from './http.js';
import type { AgentParts } from './open-rooms.js';

/** Everything that a device sees with: its sources, and the web server that pictures may be posted to. */
export class DeviceSources {
  /** Routes are registered before `start`; undefined where the settings name no port. */
  readonly server: FastifyInstance | undefined;
  private readonly parts: AgentParts;
  private readonly sources: readonly Source[];
  private port: number | undefined;

  /** @throws LichenError where a source's settings do not fit the device */
  constructor(
    parts: AgentParts,
    { seen, settings }: Pick<Store, 'seen' | 'settings'>,
    input: CaptureContext['input'],
    report: CaptureContext['report'],
  ) {
    const { config, log } = parts;
    const { port, token } = config.http;
    const feeds = new Feeds(config.device.id, config.mqtt, config.learn.seed);
    this.parts = parts;
    this.server = port === undefined || token === undefined ? undefined : newDeviceServer(token, log);
    this.sources = openSources(config.sources, {
      seen: {
        has: (path, size, mtime) => seen.find(path, size, mtime) !== undefined,
        add: (path, size, mtime, sample) => seen.add([{ path, size, mtime, sample }]),
      },
      settings,
      input,
      feed: (broker) => feeds.get(broker),
      server: this.server,
      report,
      seed: config.learn.seed,
      log,
    });
  }

  /** The port that the web server listens on. */
  get httpPort(): number | undefined {
    return this.port;
  }

  /** @throws LichenError `port-unavailable` */
  async start(sink: Sink): Promise<void> {
    const { config, log } = this.parts;
    if (this.server) {
      this.port = await listenOn(this.server, config.http);
      log.info({ host: config.http.host, port: this.port }, 'HTTP server listens');
    }
    for (const source of this.sources) {
      const { source: name } = source.status();
      await source.start((picture) => sink({ ...picture, source: name }));
    }
  }

  /** Resolves when nothing more comes, and what was being delivered is done. */
  async stop(): Promise<void> {
    await Promise.all(this.sources.map((s) => s.stop()));
    await this.server?.close();
  }

  /** What each source has seen and done. */
  status(): SourceStatus[] {
    return this.sources.map((s) => s.status());
  }
}
