import type { BrokerSettings } from './context.js';
import { type Feed, MqttFeed } from './mqtt-feed.js';

/** Connections to brokers for a device's sources: one for each broker, however many listen. */
export class Feeds {
  private readonly device: string;
  private readonly own: NonNullable<BrokerSettings> & { reconnectMax: number };
  private readonly seed: number;
  private readonly feeds = new Map<string, Feed>();

  /** @param own the broker that the device reports to */
  constructor(device: string, own: NonNullable<BrokerSettings> & { reconnectMax: number }, seed: number) {
    this.device = device;
    this.own = own;
    this.seed = seed;
  }

  /** @throws LichenError `link-url-invalid` */
  get(broker: BrokerSettings): Feed {
    const { url, username, password, protocol } = broker ?? this.own;
    const settings = { url, username, password, protocol };
    const key = JSON.stringify(settings);
    const known = this.feeds.get(key);
    if (known) return known;
    const feed = new MqttFeed({
      ...settings,
      device: this.device,
      backoff: { minMs: 1000, maxMs: this.own.reconnectMax },
      seed: this.seed,
    });
    this.feeds.set(key, feed);
    return feed;
  }
}
