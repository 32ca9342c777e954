import {
  birthTopic,
  type DiscoveredDevice,
  discoveryPayload,
  discoveryTopic,
} from '../link/home-assistant.js';
import type { Neighbour } from '../link/link.js';
import { Random } from '../random.js';
import type { AgentParts } from './open-rooms.js';

/** Home Assistant starts hundreds of entities at once: a device waits for up to so long before it speaks again. */
const MOST_DELAY_MS = 5000;

/**
 * The device in Home Assistant, where the settings ask for it: one retained discovery message, again whenever Home
 * Assistant says that it has started.
 * @param shown what there is to be seen as it is now
 * @param boot counts the starts of the program
 * @param again called some seconds after Home Assistant has started
 */
export function homeAssistant(
  { config, profile, version }: Pick<AgentParts, 'config' | 'profile' | 'version'>,
  shown: () => Pick<DiscoveredDevice, 'tasks' | 'pictures' | 'updates'>,
  again: () => void,
  boot: number,
): Neighbour | undefined {
  const { enabled, prefix } = config.homeAssistant;
  if (!enabled) return undefined;
  const device = config.device.id;
  const random = new Random(boot);
  let announcements = 0;
  return {
    announcement: () => {
      const announcement = `${boot}-${announcements++}`;
      const about = { device, version, model: profile.name, announcement };
      return {
        topic: discoveryTopic(prefix, device),
        payload: JSON.stringify(discoveryPayload({ ...about, ...shown() })),
      };
    },
    listens: birthTopic(prefix),
    heard: (payload) => {
      if (payload === 'online') setTimeout(again, random.next() * MOST_DELAY_MS).unref();
    },
  };
}
