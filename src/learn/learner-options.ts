export interface LearnerOptions {
  /** At most; see `patience`. */
  epochs: number;
  batch: number;
  seed: number;
  /** Share of the target spread over all classes. */
  labelSmoothing: number;
  /** Learning rate of the head. */
  headRate: number;
  /** After this share of the steps every rate is multiplied by `decay`. */
  decayAt: number;
  decay: number;
  /**
   * Share of the samples, the ones with the largest loss, that an epoch shows once all were seen (`Focus`); 1 shows
   * all in every epoch.
   */
  hardest: number;
  /**
   * Looks at the held-out samples, at the ends of epochs, without a smaller loss before the rates fall, and then before
   * training ends (`Plateau`); what is kept is what was best on them. 0: all epochs are trained, and the last is kept.
   * A look comes at least 16 steps after the one before. With `lean` there is none.
   */
  patience: number;
  threads?: number;
  arena?: boolean;
  /** Parts that a batch is computed in, one after the other; more need less memory (see `inPieces`). */
  pieces: number;
  /** Give memory back between the phases of a training, and read samples few at a time; see `planTraining`. */
  lean?: boolean;
}

export const LEARNER_DEFAULTS: LearnerOptions = {
  epochs: 10,
  batch: 16,
  seed: 0,
  labelSmoothing: 0.1,
  headRate: 3e-3,
  decayAt: 0.7,
  decay: 0.1,
  hardest: 1,
  patience: 0,
  pieces: 1,
};

/** The patience of early stopping where it is asked for. */
export const PATIENCE = 2;
