import type { GreyPicture } from '../small-picture.js';

/** What a picture that was asked for stands for, where who asked said so. */
export interface Meaning {
  task?: string;
  label?: string;
}

/** Says when a picture is wanted. It stays due until it is told that there was one. */
export interface Trigger {
  start?(): void;
  stop?(): void;
  /** Whether a picture is wanted, as far as that is known without looking at one; milliseconds since 1970. */
  due(now: number): boolean;
  /** Is shown every picture that is looked at, and may become due by it. */
  look?(picture: GreyPicture): void;
  /** Somebody wants the very next picture, whatever it shows. */
  readonly asked?: boolean;
  /** What the next picture stands for. */
  readonly meaning?: Meaning;
  /** A picture was delivered, or one that shows the same was before. */
  done(now: number): void;
}
