import { join } from 'node:path';
import type { Backbone } from '../backbone/backbone.js';
import { latentBytes } from '../backbone/latent.js';
import { ReplayMemory } from '../replay/memory.js';
import { loadOrCreateKey } from '../replay/vault.js';
import { keyFileOf, type Store } from '../store/store.js';
import { bytesKeptForLearning } from './kept-for-learning.js';

/** The cap where neither a setting nor an earlier opening says one. */
export const DEFAULT_REPLAY_CAP = 16 * 2 ** 20;

const CAP_KEY = 'replay-cap';

/**
 * Opens a store's replay memory. What else is kept for learning takes its part of the cap.
 * @param options the cap without `capBytes` is the one that the memory was opened with last
 * @throws LichenError as `ReplayMemory.open` and `loadOrCreateKey` do
 */
export function openMemory(
  store: Store,
  backbone: Backbone,
  options: { capBytes?: number | undefined; seed: number },
): ReplayMemory {
  const capBytes = options.capBytes ?? Number(store.settings.get(CAP_KEY) ?? DEFAULT_REPLAY_CAP);
  const memory = ReplayMemory.open({
    ...{ file: join(store.folder, 'replay.slab'), capBytes, seed: options.seed },
    reservedBytes: bytesKeptForLearning(store),
    latentBytes: latentBytes(backbone.latentCodec),
    key: loadOrCreateKey(keyFileOf(store.folder)),
  });
  store.settings.set(CAP_KEY, String(capBytes));
  return memory;
}
