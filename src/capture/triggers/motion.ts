import { averageOver, type GreyPicture } from '../small-picture.js';
import type { Trigger } from './trigger.js';

/** Side of the grid on which pictures are compared. */
const SIDE = 64;

export interface MotionOptions {
  /** Share of the picture (or region) that must have changed. */
  area: number;
  /** A cell has changed when its grey value differs by more than this, of 255. */
  difference: number;
}

/** A picture that differs from the one looked at before: frame difference on a grid of 64 x 64 grey cells. */
export class MotionTrigger implements Trigger {
  private readonly options: MotionOptions;
  private before: Float32Array | undefined;
  private moved = false;

  constructor(options: MotionOptions) {
    this.options = options;
  }

  due(): boolean {
    return this.moved;
  }

  look(picture: GreyPicture): void {
    const cells = averageOver(picture, SIDE);
    // The first picture is news.
    const changed = this.before ? changedShare(this.before, cells, this.options.difference) : 1;
    this.before = cells;
    if (changed >= this.options.area) this.moved = true;
  }

  done(): void {
    this.moved = false;
  }
}

/** How much brighter or darker a camera may make a scene from one picture to the next, and it is no motion. */
const MAX_GAIN = 1.25;

/**
 * The share of cells whose grey value differs by more than `difference` from what the other picture predicts by a
 * common gain and offset (least squares): a camera that adjusts its exposure changes all cells alike.
 */
export function changedShare(a: Float32Array, b: Float32Array, difference: number): number {
  const n = a.length;
  const meanA = a.reduce((sum, v) => sum + v, 0) / n;
  const meanB = b.reduce((sum, v) => sum + v, 0) / n;
  let together = 0;
  let alone = 0;
  for (let i = 0; i < n; i++) {
    together += (a[i]! - meanA) * (b[i]! - meanB);
    alone += (a[i]! - meanA) ** 2;
  }
  const gain = alone > 0 ? Math.max(1 / MAX_GAIN, Math.min(MAX_GAIN, together / alone)) : 1;
  let changed = 0;
  for (let i = 0; i < n; i++) {
    if (Math.abs(b[i]! - meanB - gain * (a[i]! - meanA)) > difference) changed += 1;
  }
  return changed / n;
}
