import type { SequenceOptions } from './continual-learner.js';

export interface GdumbOptions {
  /** Remembered samples in all. */
  memory: number;
  epochs: number;
  batch: number;
  optimizer: SequenceOptions['optimizer'];
  rate: number;
}

/** A training that fits a few hundred samples; the paper's own is for its networks and a schedule of the rate. */
export const GDUMB_DEFAULTS: GdumbOptions = {
  memory: 500,
  epochs: 30,
  batch: 16,
  optimizer: 'adam',
  rate: 1e-3,
};
