import type { DriftKind } from './drift.js';

/** After drift by novelty so many more samples are looked at, of which so many have to be novel. */
export const LOOKED_AT = 20;
export const NOVEL_OF_THEM = 15;

/**
 * Whether what a stream has drifted to is mostly novel. Drift says that a stream has changed, be it that known classes come in
 * another order; what is opened for it should be for good. It cannot tell new things from known ones that are spoiled
 * beyond recognition, by blur or by a camera that was turned (docs/recognition.md).
 */
export class ConfirmedDrift {
  private left = 0;
  private novel = 0;

  /**
   * Takes the next sample of the stream in.
   * @param drift what has just been noticed
   * @returns true once, where drift by novelty is confirmed by the samples that followed it
   */
  add(novel: boolean, drift: DriftKind | undefined): boolean {
    if (this.left > 0) {
      this.left -= 1;
      if (novel) this.novel += 1;
      if (this.left === 0 && this.novel >= NOVEL_OF_THEM) return true;
    }
    // Noticed again meanwhile, it is looked at as it was begun.
    if (drift === 'novelty' && this.left === 0) {
      this.left = LOOKED_AT;
      this.novel = 0;
    }
    return false;
  }
}
