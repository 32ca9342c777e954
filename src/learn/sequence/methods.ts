import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { Random } from '../../random.js';
import { Cpg, type CpgOptions } from '../isolation/cpg.js';
import { FineTuning } from '../isolation/fine-tuning.js';
import { Frozen } from '../isolation/frozen.js';
import { Piggyback, type PiggybackOptions } from '../isolation/piggyback.js';
import { Pnn } from '../isolation/pnn.js';
import { NoRegularization } from '../regularization/none.js';
import { AverageGem } from '../rehearsal/a-gem.js';
import { EpisodicReplay, NoReplay } from '../rehearsal/episodic-replay.js';
import type { Crown } from '../strategy.js';
import type { ContinualLearner, SequenceOptions } from './continual-learner.js';
import { Reservoir } from './episodic-memory.js';
import { Joint } from './joint.js';
import { stepDecay } from './schedule.js';
import { SharedNetwork } from './shared-network.js';
import { TaskNetworks } from './task-networks.js';

/** Settings of single methods; what is not given has the method's default. */
export interface MethodSettings {
  /** Remembered samples in all (ER). */
  memory?: number;
  /** Remembered samples of each task (A-GEM, GEM). */
  memoryEach?: number;
  /** Remembered samples in a step; as many as there are new ones where it is not given (ER, A-GEM). */
  recall?: number;
  /** Whether the first task trains the whole network, which is frozen then (Piggyback, PNN, linear head). */
  backboneFromFirst?: boolean;
  /** Whether the learning rate is divided by ten after 70 % of a task's steps (methods with a network for each task). */
  stepDecay?: boolean;
  /** Width of a column relative to the network's (PNN). */
  columnWidth?: number;
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

export interface Method {
  /** What it does, in a few words. */
  summary: string;
  open(context: MethodContext): Promise<ContinualLearner>;
}

/** Draws for memories must not be those for weights. */
const memoryRandom = ({ seed }: SequenceOptions) => new Random(seed + 7919);

const none = () => ({ regularization: new NoRegularization(), rehearsal: new NoReplay() });

const scheduled = ({ stepDecay: asked }: MethodSettings, usual: boolean) =>
  (asked ?? usual) ? { schedule: stepDecay } : {};

/** How tasks build on one frozen network. */
const building = (settings: MethodSettings, decayed = false) => ({
  backboneFromFirst: settings.backboneFromFirst ?? true,
  ...scheduled(settings, decayed),
});

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
    open: async ({ engine, crown, options, settings }) =>
      new TaskNetworks(engine, crown, new FineTuning(options.rate), options, {
        backboneFromFirst: false,
        ...scheduled(settings, false),
      }),
  },
  'linear-head': {
    summary: 'frozen features, and a linear head for each task (reference)',
    open: async ({ engine, crown, options, settings }) =>
      new TaskNetworks(engine, crown, new Frozen(), options, building(settings)),
  },
  er: {
    summary: 'experience replay: remembered samples join every batch (Chaudhry et al. 2019)',
    open: ({ engine, crown, options, settings }) => {
      const memory = new Reservoir(settings.memory ?? 500, memoryRandom(options));
      const rehearsal = new EpisodicReplay(memory, settings.recall ?? options.batch);
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
  pnn: {
    summary: 'a new column for each task, with laterals from all earlier ones (Rusu et al. 2016)',
    open: async ({ engine, crown, options, settings }) => {
      const isolation = new Pnn({ width: settings.columnWidth ?? 0.5, rate: options.rate });
      return new TaskNetworks(engine, crown, isolation, options, building(settings));
    },
  },
  piggyback: {
    summary: 'a mask of bits for each task over one frozen network (Mallya et al. 2018)',
    open: async ({ engine, crown, options, settings }) =>
      new TaskNetworks(engine, crown, new Piggyback(settings.piggyback), options, building(settings, true)),
  },
  cpg: {
    summary: 'free weights trained and pruned, earlier ones picked, width grown (Hung et al. 2019)',
    open: async ({ engine, crown, options, settings: { cpg, backboneFromFirst = true } }) => {
      const rates = { rate: options.rate, channelRate: options.rate };
      const pretrained = !backboneFromFirst;
      const isolation = new Cpg({ ...rates, scales: pretrained, ...cpg, pretrained });
      // The first task owns what it keeps, as every other: there is no crown that is frozen after it.
      return new TaskNetworks(engine, crown, isolation, options, { backboneFromFirst: false });
    },
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
