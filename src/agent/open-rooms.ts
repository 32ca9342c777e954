import type { Logger } from 'pino';
import sharp from 'sharp';
import { Backbone } from '../backbone/backbone.js';
import { defaultManifest } from '../backbone/manifest.js';
import type { Trunk } from '../backbone/trunk.js';
import type { DeviceProfile } from '../device/profile.js';
import { openEngine } from '../engine/choose.js';
import type { Engine } from '../engine/engine.js';
import type { ReplayMemory } from '../replay/memory.js';
import { openStore, type Store } from '../store/store.js';
import { checkAgentCrown } from './check-crown.js';
import type { AgentConfig } from './config.js';
import { Discriminants } from './discriminants.js';
import type { Notifier } from './notify.js';
import { openMemory } from './open-memory.js';

/** What an agent is started with. */
export interface AgentParts {
  config: AgentConfig;
  /** Where the settings were read from; undefined where they are the defaults. */
  configFile?: string | undefined;
  profile: DeviceProfile;
  version: string;
  notifier: Notifier;
  log: Logger;
}

/** What an agent works with once it is open: what computes, and what is kept. */
export interface Rooms {
  engine: Engine;
  backbone: Backbone;
  trunk: Trunk;
  store: Store;
  memory: ReplayMemory;
  discriminants: Discriminants;
}

/**
 * Opens store, memory, backbone and trunk, gives them to the work, and closes the store again where either fails.
 * @throws LichenError as each of them does
 */
export async function withRooms<T>(
  { config, profile }: Pick<AgentParts, 'config' | 'profile'>,
  work: (rooms: Rooms) => Promise<T>,
): Promise<T> {
  // A camera's pictures never come twice: what libvips keeps of them, up to 50 MB, would serve nobody.
  sharp.cache(false);
  // One at a time: threads for a picture would each have memory of their own.
  sharp.concurrency(1);
  const engine = openEngine(config.engine);
  const store = openStore(config.store);
  try {
    const manifest = config.backbone ?? defaultManifest();
    const backbone = await Backbone.open(manifest, engine, config.split);
    // Now, and not when labels have been given for days.
    checkAgentCrown(backbone, manifest, config);
    const memory = openMemory(store, backbone, { capBytes: config.replay.cap, seed: config.learn.seed });
    // A camera's pictures come with time between them: threads that spin would take three times the processor's time.
    const native = { threads: profile.threads, arena: profile.arena, spin: false };
    const discriminants = await Discriminants.open(engine, backbone, store, memory, native);
    const trunk = await backbone.openTrunk(engine, native);
    return await work({ engine, backbone, trunk, store, memory, discriminants });
  } catch (error) {
    store.close();
    throw error;
  }
}
