import type { Backbone } from '../backbone/backbone.js';
import { LichenError } from '../errors.js';
import { type DeviceMethod, methodName } from '../learn/device-method.js';
import { trainingObstacle } from '../learn/trainable.js';
import { collectGarbage } from '../process-memory.js';
import type { AgentConfig } from './config.js';
import { methodOf } from './learn-config.js';

/** A method that is going to be asked for. */
interface Wanted {
  method: DeviceMethod;
  /** The option or setting that says so. */
  by: string;
}

/**
 * Refuses a crown that a training would refuse, before anything is read for that training.
 * @param manifest the backbone's
 * @param split where another cut is written down
 * @throws LichenError `crown-untrainable`: what stands in the way, and what to do
 */
export function checkCrown(
  { crown }: Pick<Backbone, 'crown'>,
  manifest: string,
  { method, by }: Wanted,
  split = "'split' in that file",
): void {
  const obstacle = trainingObstacle(crown, method);
  if (obstacle === null) return;
  throw new LichenError(
    'crown-untrainable',
    `${manifest}: its crown, cut at '${crown.latent}', cannot be trained (${by}): ${obstacle.replace(/\.$/, '')}. ` +
      `Cut it elsewhere, with ${split}: 'lichen inspect ${manifest}' shows where, and what blocks training`,
  );
}

/**
 * The same for every method that an agent's settings name. There are no settings with which nothing is ever trained: a
 * request and the owner's page can always ask for it.
 */
export function checkAgentCrown(
  backbone: Backbone,
  manifest: string,
  { learn, tasks }: Pick<AgentConfig, 'learn' | 'tasks'>,
): void {
  const wanted: Wanted[] = [
    { method: methodOf(learn), by: `learn.isolation: ${learn.isolation}` },
    ...Object.entries(tasks).map(([name, task]) => ({
      method: methodOf(learn, task),
      by: `task '${name}', isolation: ${task.isolation ?? learn.isolation}`,
    })),
  ];
  const seen = new Set<string>();
  for (const one of wanted) {
    const name = methodName(one.method);
    if (seen.has(name)) continue;
    seen.add(name);
    checkCrown(backbone, manifest, one, "'split' in the settings");
  }
  collectGarbage();
}
