import { messageOf } from '../../errors.js';
import type { Feed } from '../mqtt-feed.js';
import { readMessage, type SampleFormat } from './samples.js';
import type { SampleSource } from './signal-frames.js';

/** Samples as MQTT payloads; one message follows the other without a gap. */
export class MqttSamples implements SampleSource {
  private readonly feed: Feed;
  private readonly options: { topic: string; format: SampleFormat; channels: number; scale: number };
  private unsubscribe: (() => void) | undefined;

  /** @param options `scale` is what values are multiplied by */
  constructor(feed: Feed, options: { topic: string; format: SampleFormat; channels: number; scale: number }) {
    this.feed = feed;
    this.options = options;
  }

  start(sink: Parameters<SampleSource['start']>[0]): void {
    const { topic: filter, format, channels, scale } = this.options;
    this.unsubscribe = this.feed.subscribe(
      filter,
      (topic, payload, retained) => {
        // A retained message is no part of what goes on now.
        if (retained) return;
        try {
          sink.samples(readMessage(payload, format, channels).map((v) => v * scale));
        } catch (error) {
          sink.bad(`${topic}: ${messageOf(error)}`);
        }
      },
      (reason) => sink.failed(reason),
    );
  }

  async stop(): Promise<void> {
    this.unsubscribe?.();
  }
}
