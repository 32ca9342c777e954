import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { writeToStream } from 'mqtt-packet';

/**
 * Connects to a broker, as mqtt's `connect` does. Left to itself, the packets' writer keeps a buffer for each of the
 * 65,536 numbers of two bytes: ten megabytes of a small board's memory, to spare a copy of two bytes a packet.
 * @throws Error for an address that is none
 */
export function connectMqtt(url: string, options: IClientOptions): MqttClient {
  writeToStream.cacheNumbers = false;
  return connect(url, options);
}
