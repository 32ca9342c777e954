import type { Sample } from '../sequence/batches.js';
import type { EpisodicMemory, Remembered } from '../sequence/episodic-memory.js';
import { groupOf } from '../sequence/greedy-balance.js';
import { SharedFeatures } from '../sequence/shared-features.js';
import type { SharedState } from '../sequence/shared-state.js';
import { ClassMemory } from './class-memory.js';

/** How much of a class's mean stays when a sample comes. */
const MOMENTUM = 0.9;

/**
 * Of each class the samples whose features, as they were when they came, lie nearest to the running mean of the class's
 * features (mean of features, 'MoF': Chaudhry et al. 2019, section 3).
 */
export class MeanOfFeatures implements EpisodicMemory {
  private readonly memory: ClassMemory;
  private readonly means = new Map<string, Float32Array>();
  /** Of what is remembered, and of what was observed and is still to be offered. */
  private readonly features = new Map<Remembered, Float32Array>();
  private network: SharedFeatures | undefined;

  /** @param capacity samples in all */
  constructor(capacity: number) {
    this.memory = new ClassMemory(capacity, (group) => this.farthest(group));
  }

  get entries(): readonly Remembered[] {
    return this.memory.entries;
  }

  /** Bytes of features and means. */
  get stateBytes(): number {
    const all = [...this.features.values(), ...this.means.values()];
    return 4 * all.reduce((sum, values) => sum + values.length, 0);
  }

  /** Takes the features of samples that will be offered. */
  async observe(state: SharedState, fresh: readonly Remembered[], samples: readonly Sample[]): Promise<void> {
    this.network ??= await SharedFeatures.open(state);
    const { data, width } = await this.network.of(samples, state.values());
    fresh.forEach((remembered, i) => {
      this.features.set(remembered, data.slice(i * width, (i + 1) * width));
    });
  }

  offer(sample: Remembered): void {
    const key = groupOf(sample);
    const features = this.features.get(sample)!;
    const mean = this.means.get(key);
    if (mean) {
      for (let k = 0; k < mean.length; k++) mean[k] = MOMENTUM * mean[k]! + (1 - MOMENTUM) * features[k]!;
    } else this.means.set(key, features.slice());
    this.memory.offer(sample);
  }

  async close(): Promise<void> {
    await this.network?.close();
  }

  private farthest(group: readonly Remembered[]): number {
    const mean = this.means.get(groupOf(group[0]!))!;
    let [worst, most] = [0, -1];
    group.forEach((entry, i) => {
      const distance = this.features.get(entry)!.reduce((sum, v, k) => sum + (v - mean[k]!) ** 2, 0);
      if (distance > most) [worst, most] = [i, distance];
    });
    this.features.delete(group[worst]!);
    return worst;
  }
}
