import type { Engine } from '../../engine/engine.js';
import { LichenError } from '../../errors.js';
import { Random } from '../../random.js';
import { Den, type DenOptions } from '../isolation/den.js';
import { FineTuning } from '../isolation/fine-tuning.js';
import { Frozen } from '../isolation/frozen.js';
import { Piggyback } from '../isolation/piggyback.js';
import { Pnn, type PnnOptions } from '../isolation/pnn.js';
import { lateralSensitivity } from '../isolation/pnn-sensitivity.js';
import { NoRegularization } from '../regularization/none.js';
import { AverageGem } from '../rehearsal/a-gem.js';
import { EpisodicReplay, NoReplay } from '../rehearsal/episodic-replay.js';
import { type Samples, subset } from '../samples.js';
import type { Crown } from '../strategy.js';
import type { ContinualLearner, SequenceOptions } from './continual-learner.js';
import { Reservoir } from './episodic-memory.js';
import { Joint } from './joint.js';
import { SharedNetwork } from './shared-network.js';
import { type DescribedTask, TaskNetworks } from './task-networks.js';

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
  /** Width of a column relative to the network's (PNN). */
  columnWidth?: number;
  den?: Partial<DenOptions>;
  pnn?: Partial<PnnOptions>;
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

/** The first samples; all where they are few. */
const firstOf = (samples: Samples, count: number): Samples =>
  subset(
    samples,
    Array.from({ length: Math.min(count, samples.count) }, (_, i) => i),
  );

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
    open: async ({
      engine,
      crown,
      options,
      settings: { columnWidth = 0.5, backboneFromFirst = true, pnn },
    }) => {
      const isolation = new Pnn({ width: columnWidth, rate: options.rate, ...pnn });
      const describe = async ({ engine, task, ...column }: DescribedTask) => ({
        laterals: await lateralSensitivity(engine, { pnn: isolation, ...column }, firstOf(task.train, 500)),
      });
      return new TaskNetworks(engine, crown, isolation, options, { backboneFromFirst, describe });
    },
  },
  'thin-columns': {
    summary: 'a thin network for each task after the first: the columns of PNN without laterals (reference)',
    open: async ({
      engine,
      crown,
      options,
      settings: { columnWidth = 0.5, backboneFromFirst = true, pnn },
    }) => {
      const isolation = new Pnn({ width: columnWidth, rate: options.rate, ...pnn, laterals: false });
      return new TaskNetworks(engine, crown, isolation, options, { backboneFromFirst });
    },
  },
  den: {
    summary: 'a network that grows: units are retrained, added and split for each task (Yoon et al. 2018)',
    open: async ({ engine, crown, options, settings }) =>
      new TaskNetworks(engine, crown, new Den(settings.den), options, { backboneFromFirst: false }),
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
