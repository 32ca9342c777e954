import { LichenError } from '../../errors.js';
import { Cpg } from '../isolation/cpg.js';
import { Den } from '../isolation/den.js';
import { FineTuning } from '../isolation/fine-tuning.js';
import { Frozen } from '../isolation/frozen.js';
import { Piggyback } from '../isolation/piggyback.js';
import { Pnn } from '../isolation/pnn.js';
import { lateralSensitivity } from '../isolation/pnn-sensitivity.js';
import { type Samples, subset } from '../samples.js';
import { NearestMean } from '../streaming/nearest-mean.js';
import { FeatureDiscriminant, SLDA_SHRINKAGE } from '../streaming/streaming-classifier.js';
import { openShared } from './axes.js';
import { combinationOf } from './combinations.js';
import type { ContinualLearner } from './continual-learner.js';
import { FeatureClassifier } from './feature-classifier.js';
import { Gdumb } from './gdumb.js';
import { Joint } from './joint.js';
import { stepDecay } from './schedule.js';
import type { MethodContext, MethodSettings } from './settings.js';
import { type DescribedTask, TaskNetworks } from './task-networks.js';

export interface Method {
  /** What it does, in a few words. */
  summary: string;
  open(context: MethodContext): Promise<ContinualLearner>;
}

/** The first samples; all where they are few. */
const firstOf = (samples: Samples, count: number): Samples =>
  subset(
    samples,
    Array.from({ length: Math.min(count, samples.count) }, (_, i) => i),
  );

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
    open: (context) => openShared({}, context),
  },
  joint: {
    summary: 'one network, trained on all tasks together (upper reference)',
    open: async (context) => new Joint(context, context.options),
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
    open: (context) => openShared({ rehearsal: 'er' }, context),
  },
  'a-gem': {
    summary: 'the step never raises the average loss of remembered samples (Chaudhry et al. 2019)',
    open: (context) => openShared({ rehearsal: 'a-gem' }, context),
  },
  gem: {
    summary: 'the step raises no earlier task’s loss on its memory (Lopez-Paz & Ranzato 2017)',
    open: (context) => openShared({ rehearsal: 'gem' }, context),
  },
  ewc: {
    summary: 'weights are held where the Fisher information says that they matter (Kirkpatrick et al. 2017)',
    open: (context) => openShared({ regularization: 'ewc' }, context),
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
    open: (context) => openShared({ regularization: 'vcl' }, context),
  },
  'ags-cl': {
    summary: 'important nodes are frozen, the others kept sparse for later tasks (Jung et al. 2020)',
    open: (context) => openShared({ regularization: 'ags-cl' }, context),
  },
  pnn: {
    summary: 'a new column for each task, with laterals from all earlier ones (Rusu et al. 2016)',
    open: async ({ engine, crown, options, settings }) => {
      const { columnWidth: width = 0.5, pnn } = settings;
      const isolation = new Pnn({ width, rate: options.rate, ...pnn });
      const describe = async ({ engine, task, ...column }: DescribedTask) => ({
        laterals: await lateralSensitivity(engine, { pnn: isolation, ...column }, firstOf(task.train, 500)),
      });
      return new TaskNetworks(engine, crown, isolation, options, { ...building(settings), describe });
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
 * Opens a method on a network, or methods of different axes together: names with + between.
 * @throws LichenError `method-unknown`, `method-combination`, and what the method itself refuses
 */
export function openMethod(name: string, context: MethodContext): Promise<ContinualLearner> {
  checkMethod(name);
  if (name.includes('+')) return openShared(combinationOf(name), context);
  return METHODS[name as MethodName].open(context);
}

/**
 * Checks a method's name, or that of a combination.
 * @throws LichenError `method-unknown` for a name that is none, `method-combination` for methods that do not go together
 */
export function checkMethod(name: string): void {
  for (const part of name.split('+')) {
    if (Object.hasOwn(METHODS, part)) continue;
    const known = METHOD_NAMES.join(', ');
    throw new LichenError('method-unknown', `there is no method '${part}'; known: ${known}`);
  }
  if (name.includes('+')) combinationOf(name);
}
