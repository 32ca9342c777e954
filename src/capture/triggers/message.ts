import type { Feed } from '../mqtt-feed.js';
import type { Meaning, Trigger } from './trigger.js';

/** A name that a task or a class may have here. */
const TASK = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_LABEL = 256;

/**
 * The first picture after a message on an MQTT topic. A payload that is a JSON object with a `label` says what the
 * picture shows: it is learned, not asked. Any other payload only asks for a picture.
 */
export class MessageTrigger implements Trigger {
  private readonly feed: Feed;
  private readonly topic: string;
  private wanted: Meaning | undefined;
  private unsubscribe: (() => void) | undefined;

  constructor(feed: Feed, topic: string) {
    this.feed = feed;
    this.topic = topic;
  }

  get asked(): boolean {
    return this.wanted !== undefined;
  }

  get meaning(): Meaning | undefined {
    return this.wanted;
  }

  start(): void {
    this.unsubscribe = this.feed.subscribe(this.topic, (_, payload, retained) => {
      // A retained message was meant for a moment that has passed.
      if (!retained) this.wanted = meaningOf(payload);
    });
  }

  stop(): void {
    this.unsubscribe?.();
  }

  due(): boolean {
    return this.asked;
  }

  done(): void {
    this.wanted = undefined;
  }
}

function meaningOf(payload: Buffer): Meaning {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return {};
  }
  if (typeof value !== 'object' || value === null) return {};
  const { task, label } = value as Record<string, unknown>;
  return {
    ...(typeof task === 'string' && TASK.test(task) && { task }),
    ...(typeof label === 'string' && label !== '' && label.length <= MAX_LABEL && { label }),
  };
}
