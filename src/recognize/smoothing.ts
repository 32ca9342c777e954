import { LichenError } from '../errors.js';

/** How answers over time become one that can be relied on. */
export interface SmoothingOptions {
  /** Seconds after which an answer counts half. */
  halfLife: number;
  /** A label is taken up when its smoothed probability comes to this. */
  enter: number;
  /** It is held until its smoothed probability falls below this. */
  leave: number;
}

export const SMOOTHING_DEFAULTS: SmoothingOptions = { halfLife: 2, enter: 0.7, leave: 0.4 };

/** The label that stands for what is not known. */
export const NOVEL = null;

export interface Smoothed {
  /** What stands now: a label, or null for novel; undefined while nothing has been sure enough yet. */
  label: string | null | undefined;
  /** Its smoothed probability; of the likeliest where none stands. */
  probability: number;
  /** Whether it is another one than before. */
  changed: boolean;
}

/**
 * The answers of one source, smoothed over time with hysteresis, so that what hangs on them does not flap. Probabilities
 * decay exponentially with time, not with the number of pictures: a source that slows down does not become more certain.
 */
export class Smoothing {
  private readonly options: SmoothingOptions;
  private readonly weights = new Map<string | null, number>();
  private total = 0;
  private last: number | undefined;
  private standing: string | null | undefined;

  /** @throws LichenError `smoothing-setting` */
  constructor(options: Partial<SmoothingOptions> = {}) {
    this.options = { ...SMOOTHING_DEFAULTS, ...options };
    const { halfLife, enter, leave } = this.options;
    const refuse = (what: string) => {
      throw new LichenError('smoothing-setting', `smoothing's ${what}`);
    };
    if (!(halfLife >= 0)) refuse(`halfLife is ${halfLife}; expected seconds from 0`);
    if (!(enter > 0 && enter <= 1)) refuse(`enter is ${enter}; expected a probability above 0, at most 1`);
    if (!(leave >= 0 && leave <= enter))
      refuse(`leave is ${leave}; expected a probability up to enter, ${enter}`);
  }

  /**
   * Takes an answer in.
   * @param probabilities of each label, null for novel; what they lack of 1 speaks for none
   * @param at milliseconds, of any clock that does not go back
   */
  add(probabilities: ReadonlyMap<string | null, number>, at: number): Smoothed {
    const elapsed = this.last === undefined ? 0 : Math.max(0, at - this.last) / 1000;
    const { halfLife } = this.options;
    const kept = this.last === undefined || halfLife === 0 ? 0 : 0.5 ** (elapsed / halfLife);
    this.last = at;
    this.total = this.total * kept + 1;
    for (const [label, weight] of this.weights) {
      if (weight * kept > 1e-6) this.weights.set(label, weight * kept);
      else this.weights.delete(label);
    }
    for (const [label, p] of probabilities) this.weights.set(label, (this.weights.get(label) ?? 0) + p);
    return this.decide();
  }

  private decide(): Smoothed {
    const of = (label: string | null) => (this.weights.get(label) ?? 0) / this.total;
    const [likeliest] = [...this.weights.keys()].sort((a, b) => of(b) - of(a));
    const before = this.standing;
    const { enter, leave } = this.options;
    if (this.standing !== undefined && of(this.standing) < leave) this.standing = undefined;
    if (likeliest !== undefined && of(likeliest) >= enter) this.standing = likeliest;
    const shown = this.standing === undefined ? likeliest : this.standing;
    return {
      label: this.standing,
      probability: shown === undefined ? 0 : of(shown),
      changed: this.standing !== before,
    };
  }
}
