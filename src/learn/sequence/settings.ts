import type { Engine } from '../../engine/engine.js';
import type { CpgOptions } from '../isolation/cpg.js';
import type { DenOptions } from '../isolation/den.js';
import type { PiggybackOptions } from '../isolation/piggyback.js';
import type { PnnOptions } from '../isolation/pnn.js';
import type { AgsClOptions } from '../regularization/ags-cl.js';
import type { EwcOptions } from '../regularization/ewc.js';
import type { VclOptions } from '../regularization/vcl.js';
import type { GemOptions } from '../rehearsal/gem.js';
import type { Crown } from '../strategy.js';
import type { SequenceOptions } from './continual-learner.js';
import type { GdumbOptions } from './gdumb-options.js';

/** Settings of single methods; what is not given has the method's default. */
export interface MethodSettings {
  /** Remembered samples in all (ER, GDumb). */
  memory?: number;
  /** Remembered samples of each task (A-GEM, GEM). */
  memoryEach?: number;
  /** Whether what is rehearsed is what a memory outside the method holds: see `KeptLearner.remember`. */
  memoryGiven?: boolean;
  /** Remembered samples in a step; as many as there are new ones where it is not given (ER, A-GEM). */
  recall?: number;
  gem?: Partial<Pick<GemOptions, 'margin' | 'total' | 'ridge'>>;
  /** Whether the first task trains the whole network, which is frozen then (Piggyback, PNN, linear head, NCM, SLDA). */
  backboneFromFirst?: boolean;
  /** Whether the learning rate is divided by ten after 70 % of a task's steps (methods with a network for each task). */
  stepDecay?: boolean;
  /** Width of a column relative to the network's (PNN). */
  columnWidth?: number;
  er?: {
    /**
     * Which samples stay: every sample with the same chance; equally many of each class, any, the last, or the nearest
     * to the mean of its features.
     */
    memory?: 'reservoir' | 'balanced' | 'ring' | 'mean-of-features';
    /** Whether new samples are told apart from each other only; see `EpisodicReplay`. */
    apart?: boolean;
    /** Whether steps recall samples of earlier tasks only; on a stream without tasks there are none. */
    earlierOnly?: boolean;
  };
  gdumb?: Partial<Omit<GdumbOptions, 'memory'>>;
  slda?: { shrinkage: number };
  ewc?: Partial<EwcOptions>;
  agsCl?: Partial<AgsClOptions>;
  vcl?: Partial<VclOptions>;
  den?: Partial<DenOptions>;
  pnn?: Partial<PnnOptions>;
  /** Masks, scales and biases; see `PIGGYBACK_DEFAULTS`. */
  piggyback?: Partial<PiggybackOptions>;
  /** Without `rate`, which is the sequence's, and `pretrained`, which is what `backboneFromFirst` is not (CPG). */
  cpg?: Partial<Omit<CpgOptions, 'rate' | 'pretrained'>>;
}

/** What a method is given. */
export interface MethodContext {
  engine: Engine;
  crown: Crown;
  options: SequenceOptions;
  settings: MethodSettings;
}
