/** The learning rate's factor at a share, from 0 up to 1, of a training's steps. */
export type LearningRateSchedule = (share: number) => number;

/** From which share of the steps on the learning rate is divided by ten. */
const DECAY_FROM = 0.7;

/** Step decay: 1, and a tenth of it towards the end. */
export const stepDecay: LearningRateSchedule = (share) => (share < DECAY_FROM ? 1 : 0.1);

/** Linear decay: from 1 down towards 0. */
export const linearDecay: LearningRateSchedule = (share) => 1 - share;
