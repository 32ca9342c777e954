import { messageOf } from '../errors.js';
import type { Counters } from './counters.js';
import { hammingDistance, perceptualHash } from './perceptual-hash.js';
import { laplacianVariance, UsualSharpness } from './sharpness.js';
import { averageOver, cropPicture, type GreyPicture, type Region, smallPicture } from './small-picture.js';
import { changedShare } from './triggers/motion.js';
import type { Meaning, Trigger } from './triggers/trigger.js';

/** Two pictures of one scene are compared on a grid of this side, as motion is. */
const SIDE = 64;
/** A cell differs by more than a sensor's noise. */
const DIFFERENCE = 20;
/** In a duplicate, a smaller share of the cells differs: 8 of 64 x 64. */
const SAME_SHARE = 0.002;

export interface GateOptions {
  triggers: readonly Trigger[];
  /** Part of the picture that counts. */
  region?: Region;
  /** Whether only that part is handed on. */
  crop: boolean;
  /** Most bits in which the hash of a duplicate differs; none is dropped where it is false. */
  duplicates: number | false;
  /** Pictures whose Laplacian varies less are dropped as blurred, or far less than is usual; none is where it is false. */
  blurred: number | 'auto' | false;
}

/** A picture that goes on to the trunk. */
export interface Chosen extends Meaning {
  bytes: Buffer;
}

/**
 * What stands before the trunk: triggers, then what is dropped because it is blurred or shows nothing new. A picture
 * is decoded, small and grey, only where a trigger is due or has to look.
 */
export class Gate {
  private readonly options: GateOptions;
  private readonly counters: Counters;
  private readonly usual = new UsualSharpness();
  private last: { hash: bigint; cells: Float32Array } | undefined;

  constructor(options: GateOptions, counters: Counters) {
    this.options = options;
    this.counters = counters;
  }

  /** The picture, or what is to be seen of it, where it goes on. Never throws: what cannot be read is counted. */
  async consider(bytes: Buffer, now: number): Promise<Chosen | undefined> {
    const { triggers, region, crop } = this.options;
    if (!triggers.some((t) => t.look !== undefined || t.due(now))) return undefined;
    try {
      const small = await smallPicture(bytes, region);
      for (const t of triggers) t.look?.(small);
      // Of every picture that is looked at: those that something moves in are seldom the sharp ones.
      const blurred = this.isBlurred(small);
      const due = triggers.filter((t) => t.due(now));
      if (due.length === 0) return undefined;
      this.counters.add('triggered');
      // Read before they are told that there was a picture, which makes them forget it.
      const meaning = due.find((t) => t.meaning !== undefined)?.meaning;
      if (!this.mayPass(small, blurred, due, now)) return undefined;
      return { bytes: region && crop ? await cropPicture(bytes, region) : bytes, ...meaning };
    } catch (error) {
      this.counters.add('bad');
      this.counters.failed(`a picture cannot be read: ${messageOf(error).split('\n')[0]}`);
      return undefined;
    }
  }

  private mayPass(small: GreyPicture, blurred: boolean, due: readonly Trigger[], now: number): boolean {
    const { duplicates, triggers } = this.options;
    const asked = due.some((t) => t.asked);
    // What made a blurred picture due is still to be seen: the next sharp one is taken.
    if (!asked && blurred) {
      this.counters.add('blurred');
      return false;
    }
    for (const t of triggers) t.done(now);
    const looks = { hash: perceptualHash(small), cells: averageOver(small, SIDE) };
    if (!asked && duplicates !== false && this.isKnown(looks, duplicates)) {
      this.counters.add('duplicates');
      return false;
    }
    this.last = looks;
    return true;
  }

  private isBlurred(small: GreyPicture): boolean {
    const { blurred } = this.options;
    if (blurred === false) return false;
    const variance = laplacianVariance(small);
    return blurred === 'auto' ? this.usual.isBlurred(variance) : variance < blurred;
  }

  /**
   * Whether a picture shows what the last one did: the hash says so, which is blind to what is small, and so does the
   * comparison cell by cell, which is not.
   */
  private isKnown({ hash, cells }: { hash: bigint; cells: Float32Array }, bits: number): boolean {
    const { last } = this;
    if (!last) return false;
    return (
      hammingDistance(hash, last.hash) <= bits && changedShare(last.cells, cells, DIFFERENCE) < SAME_SHARE
    );
  }
}
