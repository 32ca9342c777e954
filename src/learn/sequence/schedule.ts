/** From which share of the steps on the learning rate is divided by ten. */
const DECAY_FROM = 0.7;

/** Step decay: the learning rate's factor at a share of a training's steps. */
export const stepDecay = (share: number): number => (share < DECAY_FROM ? 1 : 0.1);
