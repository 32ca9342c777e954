import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { Random } from '../../random.js';
import { FineTuning } from '../isolation/fine-tuning.js';
import { Frozen } from '../isolation/frozen.js';
import { Piggyback } from '../isolation/piggyback.js';
import { Pnn } from '../isolation/pnn.js';
import { NoRegularization } from '../regularization/none.js';
import { Vcl, type VclOptions } from '../regularization/vcl.js';
import { AverageGem } from '../rehearsal/a-gem.js';
import { ClassMemory } from '../rehearsal/class-memory.js';
import { EpisodicReplay, NoReplay } from '../rehearsal/episodic-replay.js';
import { MeanOfFeatures } from '../rehearsal/mean-of-features.js';
import type { Crown } from '../strategy.js';
import { NearestMean } from '../streaming/nearest-mean.js';
import { FeatureDiscriminant, SLDA_SHRINKAGE } from '../streaming/streaming-classifier.js';
import type { ContinualLearner, SequenceOptions } from './continual-learner.js';
import { type EpisodicMemory, Reservoir } from './episodic-memory.js';
import { FeatureClassifier } from './feature-classifier.js';
import { Gdumb, type GdumbOptions } from './gdumb.js';
import { GreedyBalance } from './greedy-balance.js';
import { Joint } from './joint.js';
import { SharedNetwork } from './shared-network.js';
import { TaskNetworks } from './task-networks.js';

/** Settings of single methods; what is not given has the method's default. */
export interface MethodSettings {
  /** Remembered samples in all (ER, GDumb). */
  memory?: number;
  /** Remembered samples of each task (A-GEM, GEM). */
  memoryEach?: number;
  /** Remembered samples in a step; as many as there are new ones where it is not given (ER, A-GEM). */
  recall?: number;
  /** Whether the first task trains the whole network, which is frozen then (Piggyback, PNN, linear head, NCM, SLDA). */
  backboneFromFirst?: boolean;
  /** Width of a column relative to the network's (PNN). */
  columnWidth?: number;
  er?: {
    /** Which samples stay: every sample with the same chance; equally many of each class, any, the last, or the nearest to the mean of its features. */
    memory?: keyof typeof MEMORIES;
    /** Whether new samples are told apart from each other only; see `EpisodicReplay`. */
    apart?: boolean;
  };
  vcl?: Partial<VclOptions>;
  gdumb?: Partial<Omit<GdumbOptions, 'memory'>>;
  slda?: { shrinkage: number };
}

/** What a method is given. */
export interface MethodContext {
  engine: Engine;
  crown: Crown;
  options: SequenceOptions;
  settings: MethodSettings;
}

export interface Method {
  /** What it does, in a few words. */
  summary: string;
  open(context: MethodContext): Promise<ContinualLearner>;
}

/** Draws for memories must not be those for weights. */
const memoryRandom = ({ seed }: SequenceOptions) => new Random(seed + 7919);

/** Memories of ER by name. */
const MEMORIES = {
  reservoir: (capacity: number, random: Random) => new Reservoir(capacity, random),
  balanced: (capacity: number, random: Random) => new GreedyBalance(capacity, random),
  ring: (capacity: number) => new ClassMemory(capacity),
  'mean-of-features': (capacity: number) => new MeanOfFeatures(capacity),
} satisfies Record<string, (capacity: number, random: Random) => EpisodicMemory>;

const none = () => ({ regularization: new NoRegularization(), rehearsal: new NoReplay() });

/** The methods by the names that commands and configuration use. */
export const METHODS = {
  naive: {
    summary: 'one network, trained on one task after the other (lower reference)',
    open: ({ engine, crown, options }) =>
      SharedNetwork.open(engine, crown, { ...none(), isolation: new FineTuning(options.rate) }, options),
  },
  joint: {
    summary: 'one network, trained on all tasks together (upper reference)',
    open: async ({ engine, crown, options }) => new Joint(engine, crown, options),
  },
  separate: {
    summary: 'one network for each task (reference)',
    open: async ({ engine, crown, options }) =>
      new TaskNetworks(engine, crown, new FineTuning(options.rate), options, { backboneFromFirst: false }),
  },
  'linear-head': {
    summary: 'frozen features, and a linear head for each task (reference)',
    open: async ({ engine, crown, options, settings: { backboneFromFirst = true } }) =>
      new TaskNetworks(engine, crown, new Frozen(), options, { backboneFromFirst }),
  },
  er: {
    summary: 'experience replay: remembered samples join every batch (Chaudhry et al. 2019)',
    open: ({ engine, crown, options, settings }) => {
      const { memory = 'reservoir', apart = false } = settings.er ?? {};
      const made = MEMORIES[memory](settings.memory ?? 500, memoryRandom(options));
      const rehearsal = new EpisodicReplay(made, settings.recall ?? options.batch, apart);
      const isolation = new FineTuning(options.rate);
      return SharedNetwork.open(engine, crown, { ...none(), isolation, rehearsal }, options);
    },
  },
  'a-gem': {
    summary: 'the step never raises the average loss of remembered samples (Chaudhry et al. 2019)',
    open: ({ engine, crown, options, settings }) => {
      const rehearsal = new AverageGem(settings.memoryEach ?? 256, settings.recall ?? 256);
      const isolation = new FineTuning(options.rate);
      return SharedNetwork.open(engine, crown, { ...none(), isolation, rehearsal }, options);
    },
  },
  gdumb: {
    summary:
      'a balanced memory, and a network trained on it alone when it is asked (Prabhu et al. 2020; reference)',
    open: async ({ engine, crown, options, settings: { gdumb, memory } }) =>
      new Gdumb(engine, crown, options, { ...gdumb, ...(memory !== undefined && { memory }) }),
  },
  ncm: {
    summary: 'frozen features, and the nearest class mean (reference)',
    open: async ({ engine, crown, options, settings: { backboneFromFirst = true } }) =>
      new FeatureClassifier(engine, crown, new NearestMean(), options, backboneFromFirst),
  },
  slda: {
    summary: 'frozen features, and a streaming linear discriminant (Hayes & Kanan 2020; reference)',
    open: async ({ engine, crown, options, settings: { backboneFromFirst = true, slda } }) => {
      const discriminant = new FeatureDiscriminant(engine, slda?.shrinkage ?? SLDA_SHRINKAGE);
      return new FeatureClassifier(engine, crown, discriminant, options, backboneFromFirst);
    },
  },
  vcl: {
    summary: 'a Gaussian over every weight; the posterior is the next prior (Nguyen et al. 2018)',
    open: async ({ engine, crown, options, settings }) => {
      const axes = { isolation: new FineTuning(options.rate), rehearsal: new NoReplay() };
      const regularization = new Vcl(settings.vcl ?? {}, options);
      return SharedNetwork.open(engine, crown, { ...axes, regularization }, options);
    },
  },
  pnn: {
    summary: 'a new column for each task, with laterals from all earlier ones (Rusu et al. 2016)',
    open: async ({ engine, crown, options, settings: { columnWidth = 0.5, backboneFromFirst = true } }) => {
      const isolation = new Pnn({ width: columnWidth, rate: options.rate });
      return new TaskNetworks(engine, crown, isolation, options, { backboneFromFirst });
    },
  },
  piggyback: {
    summary: 'a mask of bits for each task over one frozen network (Mallya et al. 2018)',
    open: async ({ engine, crown, options, settings: { backboneFromFirst = true } }) =>
      new TaskNetworks(engine, crown, new Piggyback(), options, { backboneFromFirst }),
  },
} satisfies Record<string, Method>;

export type MethodName = keyof typeof METHODS;

export const METHOD_NAMES = Object.keys(METHODS) as MethodName[];

/**
 * Opens a method on a network.
 * @throws LichenError `method-unknown`, and what the method itself refuses
 */
export function openMethod(name: string, context: MethodContext): Promise<ContinualLearner> {
  if (!Object.hasOwn(METHODS, name)) {
    throw new LichenError(
      'method-unknown',
      `there is no method '${name}'; known: ${METHOD_NAMES.join(', ')}`,
    );
  }
  return METHODS[name as MethodName].open(context);
}
