import type { WhitenedClasses } from '../learn/streaming/whitened.js';
import type { Answer } from './answer.js';
import { Corrections, type Labelled } from './corrections.js';
import type { FrozenFeatures } from './frozen-features.js';

/** More labelled samples than these would take too long; the newest count. */
const MOST = 200;

/** A sample that was labelled after the version that its task runs was trained. */
export interface RecentLabel {
  id: string;
  label: string;
  latent: () => Uint8Array;
}

interface Placed {
  latent: Uint8Array;
  direction: Float32Array;
  given: ReadonlyMap<string, number>;
}

/** A task's answers with what its owner has said since its version was trained; the version itself stays as it is. */
export class CorrectedTask {
  private readonly features: FrozenFeatures;
  private readonly space: WhitenedClasses;
  private readonly uncorrected: (latents: readonly Uint8Array[]) => Promise<Answer[]>;
  private readonly placed = new Map<string, Placed>();
  private corrections = new Corrections([]);

  /**
   * @param space of the frozen network's summaries
   * @param uncorrected what is answered without corrections
   */
  constructor(
    features: FrozenFeatures,
    space: WhitenedClasses,
    uncorrected: (latents: readonly Uint8Array[]) => Promise<Answer[]>,
  ) {
    this.features = features;
    this.space = space;
    this.uncorrected = uncorrected;
  }

  /**
   * Takes in what the owner says now; earlier labels that are not among them any more no longer count.
   * @param labels in the order in which they were given
   * @param again whether what is answered without corrections may have changed
   */
  async teach(labels: readonly RecentLabel[], again: boolean): Promise<void> {
    const counted = labels.slice(-MOST);
    const missing = counted.filter((l) => again || !this.placed.has(l.id));
    const latents = missing.map((l) => this.placed.get(l.id)?.latent ?? l.latent());
    const directions = await this.directions(latents);
    const given = await this.uncorrected(latents);
    missing.forEach(({ id }, i) => {
      const placed = { direction: directions[i]!, given: probabilitiesOf(given[i]!) };
      this.placed.set(id, { latent: latents[i]!, ...placed });
    });
    const ids = new Set(counted.map((l) => l.id));
    for (const id of this.placed.keys()) if (!ids.has(id)) this.placed.delete(id);
    const samples = counted.map(({ id, label }): Labelled => ({ label, ...this.placed.get(id)! }));
    this.corrections = new Corrections(samples);
  }

  async answer(latents: readonly Uint8Array[]): Promise<Answer[]> {
    const given = await this.uncorrected(latents);
    if (this.corrections.empty) return given;
    const directions = await this.directions(latents);
    return given.map((answer, i) => {
      const corrected = this.corrections.correct(directions[i]!, probabilitiesOf(answer));
      const all = [...corrected]
        .map(([label, probability]) => ({ label, probability }))
        .sort((a, b) => b.probability - a.probability);
      return { ...answer, label: all[0]!.label, probability: all[0]!.probability, all };
    });
  }

  private async directions(latents: readonly Uint8Array[]): Promise<Float32Array[]> {
    return (await this.features.of(latents)).map((summary) => this.space.direction(summary));
  }
}

const probabilitiesOf = ({ all }: Answer): Map<string, number> =>
  new Map(all.map(({ label, probability }) => [label, probability]));
