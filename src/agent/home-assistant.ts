import { birthTopic, discoveryPayload, discoveryTopic } from '../link/home-assistant.js';
import type { Neighbour } from '../link/link.js';
import type { Random } from '../random.js';
import type { AgentParts } from './open-rooms.js';

/** Home Assistant starts hundreds of entities at once: a device waits for up to so long before it speaks again. */
const MOST_DELAY_MS = 5000;

/**
 * The device in Home Assistant, where the settings ask for it: one retained discovery message, again whenever Home
 * Assistant says that it has started.
 * @param tasks names of the tasks as they are now
 * @param again called some seconds after Home Assistant has started
 */
export function homeAssistant(
  { config, profile, version }: Pick<AgentParts, 'config' | 'profile' | 'version'>,
  tasks: () => string[],
  again: () => void,
  random: Random,
): Neighbour | undefined {
  const { enabled, prefix } = config.homeAssistant;
  if (!enabled) return undefined;
  const device = config.device.id;
  return {
    announcement: () => ({
      topic: discoveryTopic(prefix, device),
      payload: JSON.stringify(discoveryPayload({ device, version, model: profile.name, tasks: tasks() })),
    }),
    listens: birthTopic(prefix),
    heard: (payload) => {
      if (payload === 'online') setTimeout(again, random.next() * MOST_DELAY_MS).unref();
    },
  };
}
