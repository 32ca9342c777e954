import { Random } from '../../random.js';
import { FineTuning } from '../isolation/fine-tuning.js';
import { Piggyback } from '../isolation/piggyback.js';
import { AgsCl } from '../regularization/ags-cl.js';
import { Ewc } from '../regularization/ewc.js';
import { NoRegularization } from '../regularization/none.js';
import { Vcl } from '../regularization/vcl.js';
import { AverageGem } from '../rehearsal/a-gem.js';
import { ClassMemory } from '../rehearsal/class-memory.js';
import { EpisodicReplay, NoReplay } from '../rehearsal/episodic-replay.js';
import { Gem } from '../rehearsal/gem.js';
import { MeanOfFeatures } from '../rehearsal/mean-of-features.js';
import type { Isolation } from '../strategy.js';
import type { SequenceOptions } from './continual-learner.js';
import { type EpisodicMemory, GivenMemory, Reservoir } from './episodic-memory.js';
import { GreedyBalance } from './greedy-balance.js';
import type { SequenceRehearsal } from './rehearsal.js';
import type { MethodContext, MethodSettings } from './settings.js';
import { SharedNetwork } from './shared-network.js';
import type { SequenceRegularization } from './shared-state.js';

/** Draws for memories must not be those for weights. */
const memoryRandom = ({ seed }: SequenceOptions) => new Random(seed + 7919);

/** The memory outside, where it is not the method's own. */
const given = ({ memoryGiven, memoryEach = 256 }: MethodSettings, { seed }: SequenceOptions) =>
  memoryGiven ? new GivenMemory(memoryEach, seed + 7919) : undefined;

/** Memories of ER by name. */
const MEMORIES = {
  reservoir: (capacity, random) => new Reservoir(capacity, random),
  balanced: (capacity, random) => new GreedyBalance(capacity, random),
  ring: (capacity) => new ClassMemory(capacity),
  'mean-of-features': (capacity) => new MeanOfFeatures(capacity),
} satisfies Record<string, (capacity: number, random: Random) => EpisodicMemory>;

/** First axis, for tasks that share one network: what of it is trained. */
export const SHARED_ISOLATIONS = {
  'fine-tuning': ({ options }) => new FineTuning(options.rate),
  piggyback: ({ settings }) => new Piggyback(settings.piggyback),
} satisfies Record<string, (context: MethodContext) => Isolation>;

/** Second axis: what holds shared weights in place. */
export const REGULARIZATIONS = {
  ewc: ({ settings, options }) => new Ewc({ implicit: options.optimizer === 'sgd', ...settings.ewc }),
  'ags-cl': ({ settings }) => new AgsCl(settings.agsCl),
  vcl: ({ settings, options }) => new Vcl(settings.vcl ?? {}, options),
} satisfies Record<string, (context: MethodContext) => SequenceRegularization>;

/** Third axis: how remembered samples enter a step. */
export const REHEARSALS = {
  er: ({ settings, options }) => {
    const { memory = 'reservoir', ...how } = settings.er ?? {};
    const made = given(settings, options) ?? MEMORIES[memory](settings.memory ?? 500, memoryRandom(options));
    return new EpisodicReplay(made, settings.recall ?? options.batch, how);
  },
  gem: ({ settings, options }) => {
    const { gem: { margin = 0.5, total, ...how } = {}, memoryEach: each = 256 } = settings;
    return new Gem(
      { margin, ...how, ...(total === undefined ? { each } : { total }) },
      given(settings, options),
    );
  },
  'a-gem': ({ settings, options }) => {
    const { memoryEach = 256, recall = 256 } = settings;
    return new AverageGem(memoryEach, recall, given(settings, options));
  },
} satisfies Record<string, (context: MethodContext) => SequenceRehearsal>;

/** One choice on each axis, by name; what is not chosen is fine-tuning and nothing. */
export interface Combination {
  isolation?: keyof typeof SHARED_ISOLATIONS;
  regularization?: keyof typeof REGULARIZATIONS;
  rehearsal?: keyof typeof REHEARSALS;
}

/** Opens a network that tasks share, with one choice on each axis. */
export function openShared(
  { isolation = 'fine-tuning', regularization, rehearsal }: Combination,
  context: MethodContext,
): Promise<SharedNetwork> {
  const axes = {
    isolation: SHARED_ISOLATIONS[isolation](context),
    regularization: regularization ? REGULARIZATIONS[regularization](context) : new NoRegularization(),
    rehearsal: rehearsal ? REHEARSALS[rehearsal](context) : new NoReplay(),
  };
  return SharedNetwork.open(context.engine, context.crown, axes, context.options);
}
