import { connectAsync, type MqttClient } from 'mqtt';

export interface Observed {
  topic: string;
  payload: string;
  retain: boolean;
}

/** Another MQTT client, which records everything under `lichen/` in the order of arrival. */
export class Observer {
  readonly messages: Observed[] = [];
  readonly client: MqttClient;

  private constructor(client: MqttClient) {
    this.client = client;
    client.on('message', (topic, payload, packet) => {
      this.messages.push({ topic, payload: payload.toString(), retain: packet.retain });
    });
  }

  static async at(url: string, protocolVersion: 4 | 5 = 4): Promise<Observer> {
    const client = await connectAsync(url, { protocolVersion, clean: true, reconnectPeriod: 50 });
    const observer = new Observer(client);
    await client.subscribeAsync('lichen/#', { qos: 1 });
    return observer;
  }

  /** The payloads that came on a topic, parsed. */
  on(topic: string): Record<string, unknown>[] {
    return this.messages
      .filter((message) => message.topic === topic)
      .map((message) => JSON.parse(message.payload) as Record<string, unknown>);
  }

  async stop(): Promise<void> {
    await this.client.endAsync(true);
  }
}
