import { randomUUID } from 'node:crypto';
import { Agent } from '../../src/agent/agent.js';
import { agentConfigSchema } from '../../src/agent/config.js';
import { Notifier } from '../../src/agent/notify.js';
import { loadProfile } from '../../src/device/profile.js';
import { AedesBroker } from '../link/brokers.js';
import { Observer } from '../link/observer.js';
import { quiet } from './rooms.js';

/** A device's answer to a request. */
export interface Response {
  status: 'ok' | 'error';
  transaction: string | null;
  data: Record<string, unknown>;
  error: { code: string; message: string };
}

/** An event as it is published. */
export interface Event {
  kind: string;
  severity: string;
  message: string;
  data: Record<string, unknown>;
}

/** A whole agent in this process, a real broker over TCP, and another MQTT client that asks and records. */
export class Daemon {
  readonly agent: Agent;
  readonly broker: AedesBroker;
  readonly observer: Observer;

  private constructor(agent: Agent, broker: AedesBroker, observer: Observer) {
    this.agent = agent;
    this.broker = broker;
    this.observer = observer;
  }

  /** @param settings over the defaults; device id and broker are set here, and nothing trains by itself */
  static async start(store: string, settings: Record<string, unknown> = {}): Promise<Daemon> {
    const broker = new AedesBroker();
    await broker.start();
    const observer = await Observer.at(broker.url);
    const config = agentConfigSchema.parse({
      device: { id: 'cam' },
      store,
      schedule: { train: '' },
      mqtt: { url: broker.url },
      log: 'silent',
      ...settings,
    });
    const profile = { ...loadProfile('generic-x86'), threads: 1 };
    const notifier = new Notifier({});
    const agent = await Agent.start({ config, profile, version: '0.0.0', notifier, log: quiet });
    const daemon = new Daemon(agent, broker, observer);
    // Requests reach a device that has subscribed; the birth comes after that.
    await daemon.message((topic, m) => topic === 'lichen/v1/cam/state' && m.state === 'online');
    return daemon;
  }

  /** Sends a request as it stands and returns the response to its transaction. */
  async ask(verb: string, fields: Record<string, unknown> = {}, transaction: string = randomUUID()) {
    this.send(verb, JSON.stringify({ v: 1, transaction, ...fields }));
    return this.response(verb, transaction);
  }

  /** Sends any bytes to a verb. */
  send(verb: string, payload: string): void {
    this.observer.client.publish(`lichen/v1/cam/request/${verb}`, payload, { qos: 1 });
  }

  async response(verb: string, transaction: string | null): Promise<Response> {
    const isIt = (topic: string, m: Record<string, unknown>) =>
      topic === `lichen/v1/cam/response/${verb}` && m.transaction === transaction;
    return (await this.message(isIt)) as unknown as Response;
  }

  /** The first event of a kind. */
  async event(kind: string): Promise<Event> {
    return (await this.message(
      (topic, m) => topic === 'lichen/v1/cam/event' && m.kind === kind,
    )) as unknown as Event;
  }

  /** Events of a kind so far. */
  events(kind: string): Event[] {
    const all = this.observer.on('lichen/v1/cam/event') as unknown as Event[];
    return all.filter((e) => e.kind === kind);
  }

  /** Waits for a message, be it one that came already. */
  async message(
    isIt: (topic: string, m: Record<string, unknown>) => boolean,
  ): Promise<Record<string, unknown>> {
    for (let next = 0; ; ) {
      const { messages } = this.observer;
      for (; next < messages.length; next++) {
        const { topic, payload } = messages[next]!;
        if (topic.includes('/request/') || topic.includes('/picture/')) continue;
        const parsed = JSON.parse(payload) as Record<string, unknown>;
        if (isIt(topic, parsed)) return parsed;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    await this.agent.stop();
    await this.observer.stop();
    await this.broker.remove();
  }
}
