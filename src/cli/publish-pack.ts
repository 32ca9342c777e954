import { messageOf } from '../errors.js';
import { HubClient } from './hub-client.js';

export interface Published {
  device: string;
  /** What came of it, for people. */
  outcome: string;
  installed: boolean;
}

/**
 * Gives a pack to a hub and has it installed on devices.
 * @throws LichenError `hub-unreachable` or `hub-refused` when the hub does not take the pack
 */
export async function publishPack(
  url: string,
  pack: Uint8Array,
  devices: readonly string[],
): Promise<Published[]> {
  const hub = new HubClient(url);
  const { id } = await hub.upload(pack);
  const published: Published[] = [];
  for (const device of devices) {
    try {
      const { serving } = await hub.install(id, device);
      const outcome = serving ? 'installed, and serving' : 'kept, but the device goes on with what it runs';
      published.push({ device, outcome, installed: serving });
    } catch (error) {
      published.push({ device, outcome: messageOf(error), installed: false });
    }
  }
  return published;
}
