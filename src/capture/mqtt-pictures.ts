import { z } from 'zod';
import { brokerSchema, cameraShape } from './common-config.js';
import type { FrameSink, FrameSource } from './frames.js';
import type { Feed } from './mqtt-feed.js';

/** Pictures that other programs publish over MQTT. */
export const mqttSchema = z.strictObject({
  kind: z.literal('mqtt').describe('What kind of source it is: pictures that are published over MQTT.'),
  topic: z
    .string()
    .min(1)
    .max(1024)
    .describe('Where they are published, such as frigate/+/person/snapshot; + and # as MQTT has them.'),
  broker: brokerSchema,
  retained: z
    .boolean()
    .default(true)
    .describe("Whether the broker's retained picture counts, which was published before."),
  ...cameraShape,
  rate: cameraShape.rate
    .unwrap()
    .default(0)
    .describe('Pictures looked at a second, at most; 0 looks at every one.'),
});
export type MqttConfig = z.infer<typeof mqttSchema>;

/** How long a base64 text's beginning is looked at, to tell it from bytes. */
const HEAD = 64;

/**
 * Pictures as MQTT payloads: the picture's bytes, as Frigate and Home Assistant's camera publish them, or the same as
 * base64, also as a data: address. Each topic that the filter names is a camera of its own.
 */
export class MqttPictures implements FrameSource {
  private readonly feed: Feed;
  private readonly config: Pick<MqttConfig, 'topic' | 'retained' | 'maxBytes'>;
  private unsubscribe: (() => void) | undefined;

  constructor(feed: Feed, config: Pick<MqttConfig, 'topic' | 'retained' | 'maxBytes'>) {
    this.feed = feed;
    this.config = config;
  }

  start(sink: FrameSink): void {
    const { topic: filter, retained: takesRetained, maxBytes } = this.config;
    this.unsubscribe = this.feed.subscribe(
      filter,
      (topic, payload, retained) => {
        // Empty: a retained message is taken back.
        if (payload.length === 0 || (retained && !takesRetained)) return;
        const bytes = fromBase64(payload);
        if (bytes.length > maxBytes) sink.bad(`${topic}: a picture of more than ${maxBytes} bytes`);
        else sink.frame(bytes, topic);
      },
      (reason) => sink.failed(reason),
    );
  }

  async stop(): Promise<void> {
    this.unsubscribe?.();
  }
}

/** The bytes that a payload stands for: its own, unless all of it is base64. */
function fromBase64(payload: Buffer): Buffer {
  const head = payload.subarray(0, HEAD).toString('latin1');
  const text = /^data:image\/[\w.+-]+;base64,/.exec(head)?.[0];
  if (text === undefined && !/^[A-Za-z0-9+/=\s]{16,}$/.test(head)) return payload;
  return Buffer.from(payload.toString('latin1').slice(text?.length ?? 0), 'base64');
}
