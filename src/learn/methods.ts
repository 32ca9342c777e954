import { LichenError } from '../errors.js';
import { Cpg } from './isolation/cpg.js';
import { Den } from './isolation/den.js';
import { Frozen } from './isolation/frozen.js';
import { Piggyback } from './isolation/piggyback.js';
import { Pnn } from './isolation/pnn.js';
import { SharedCrown } from './isolation/shared.js';
import { NoRegularization } from './regularization/none.js';
import { ExperienceReplay } from './rehearsal/er.js';
import { NoRehearsal } from './rehearsal/none.js';
import type { Isolation, Regularization, Rehearsal } from './strategy.js';

/** The choices on the three axes, by the names that configuration and commands use. */
const isolations: Record<string, () => Isolation> = {
  piggyback: () => new Piggyback(),
  pnn: () => new Pnn(),
  frozen: () => new Frozen(),
};
const regularizations: Record<string, () => Regularization> = { none: () => new NoRegularization() };
const rehearsals: Record<string, () => Rehearsal> = {
  er: () => new ExperienceReplay(),
  none: () => new NoRehearsal(),
};

/** What makes a network of an adapter, whoever trained it. */
type Deployable = Pick<Isolation, 'name' | 'deploy'>;

/** Networks of adapters that a learner of several tasks has trained. */
const learned: Record<string, () => Deployable> = {
  shared: () => new SharedCrown(),
  den: () => new Den({ tail: true }),
  cpg: () => new Cpg({ pretrained: true }),
};

/** Isolation strategies that train something. */
export const TRAINABLE_ISOLATIONS = ['piggyback', 'pnn'] as const;

export const isolationNamed = (name: string): Isolation => named(isolations, 'isolation', name);
/** What makes a network of an adapter, by the adapter's isolation. */
export const deployableNamed = (name: string): Deployable =>
  named<Deployable>({ ...isolations, ...learned }, 'isolation', name);
export const regularizationNamed = (name: string): Regularization =>
  named(regularizations, 'regularization', name);
export const rehearsalNamed = (name: string): Rehearsal => named(rehearsals, 'rehearsal', name);

function named<T>(table: Record<string, () => T>, axis: string, name: string): T {
  const make = Object.hasOwn(table, name) ? table[name] : undefined;
  if (make) return make();
  throw new LichenError(
    'method-unknown',
    `there is no ${axis} strategy '${name}'; known: ${Object.keys(table).join(', ')}`,
  );
}
