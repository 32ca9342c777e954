import { Backbone } from '../backbone/backbone.js';
import { defaultManifest } from '../backbone/manifest.js';
import { openEngine } from '../engine/choose.js';
import type { Engine, EngineChoice } from '../engine/engine.js';
import { openStore, type Store } from '../store/store.js';

/** Options of every command that works on a device's store. */
export interface DeviceOptions {
  store: string;
  backbone?: string;
  /** What computes; ONNX Runtime unless given. */
  engine?: EngineChoice;
}

export interface Device {
  engine: Engine;
  backbone: Backbone;
  store: Store;
}

/** Where a store is looked for when no option names it. */
export const DEFAULT_STORE = process.env.LICHEN_STORE ?? '.lichen';

/** Opens engine, backbone and store, and closes the store when the work is done. */
export async function withDevice<T>(
  options: DeviceOptions,
  access: { readOnly: boolean },
  work: (device: Device) => Promise<T>,
): Promise<T> {
  const engine = openEngine(options.engine ?? 'auto');
  const backbone = await Backbone.open(options.backbone ?? defaultManifest(), engine);
  const store = openStore(options.store, access);
  try {
    return await work({ engine, backbone, store });
  } finally {
    store.close();
  }
}
