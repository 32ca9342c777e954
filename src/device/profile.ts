import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot } from '../backbone/manifest.js';
import { byteSize } from '../config/units.js';
import { LichenError } from '../errors.js';
import { deviceTreeModel } from './board.js';

/** What is known of a board, and what the agent does on it. */
export const profileSchema = z.strictObject({
  name: z.string(),
  board: z.string().describe('for people'),
  match: z.string().optional().describe('text in the device tree’s model'),
  threads: z.int().min(1).describe('threads of the engine'),
  arena: z.boolean().describe('whether freed memory is kept for the next run: faster, and larger'),
  trunkBatch: z.int().min(1).describe('pictures that the trunk takes at once'),
  memoryCapBytes: byteSize().describe('memory that the agent is meant to stay under'),
  replayCapBytes: byteSize().describe('a fitting cap of the replay memory'),
  camera: z.strictObject({ program: z.string(), args: z.array(z.string()) }).nullable(),
  thermal: z.strictObject({ path: z.string(), limitCelsius: z.number() }).nullable(),
  executionProvider: z.enum(['cpu']),
});
export type DeviceProfile = z.infer<typeof profileSchema>;

const folder = () => join(packageRoot(), 'device');

/** Names of the profiles that come with Lichen. */
export function listProfiles(): string[] {
  return readdirSync(folder())
    .filter((f) => f.endsWith('.yaml'))
    .map((f) => f.slice(0, -'.yaml'.length))
    .sort();
}

/** @throws LichenError `profile-unknown` */
export function loadProfile(name: string): DeviceProfile {
  if (!listProfiles().includes(name)) {
    throw new LichenError(
      'profile-unknown',
      `there is no board profile '${name}'; known: auto, ${listProfiles().join(', ')}`,
    );
  }
  return profileSchema.parse(parse(readFileSync(join(folder(), `${name}.yaml`), 'utf8')));
}

/**
 * The profile of the board that this runs on, by the device tree's model, else by the processor's kind.
 * @param root where /proc is looked for
 */
export function detectProfile(root = '/', arch: string = process.arch): DeviceProfile {
  const model = deviceTreeModel(root);
  const all = listProfiles().map(loadProfile);
  const board = all
    .filter((p) => p.match !== undefined && model.includes(p.match))
    .sort((a, b) => b.match!.length - a.match!.length)[0];
  return board ?? loadProfile(arch === 'arm64' || arch === 'arm' ? 'generic-arm64' : 'generic-x86');
}

/** The profile that a configuration names; 'auto' is detected. */
export function chooseProfile(name: string, root = '/'): DeviceProfile {
  return name === 'auto' ? detectProfile(root) : loadProfile(name);
}
