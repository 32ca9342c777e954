import type { DeviceMethod, LearnerName } from '../device-method.js';
import { tailOf } from '../isolation/tail.js';
import { openShared } from './axes.js';
import type { KeptLearner } from './continual-learner.js';
import { METHODS } from './methods.js';
import type { MethodContext, MethodSettings } from './settings.js';

/** Which learner a method is: methods of one learner go on where another left off. */
export type LearnerKey = LearnerName | 'shared-tail';

/** The learner of a method; AGS-CL acts on the crown's last layers alone, so that it has a network of its own. */
export function learnerOf({ isolation, regularization }: DeviceMethod): LearnerKey | undefined {
  if (isolation === 'shared') return regularization === 'ags-cl' ? 'shared-tail' : 'shared';
  return isolation === 'den' || isolation === 'cpg' ? isolation : undefined;
}

/** How a learner of several tasks trains on a device, where nothing else is said. */
export const LEARNER_TRAINING_DEFAULTS = {
  /** Adam's learning rate. */
  rate: 3e-4,
  /** Held-out accuracy that a task of the same network may lose by another's training. */
  forgetting: 0.02,
};

/** Settings of the methods where a device's trainings, short and on a trained crown, want others than the benches. */
export const SHARED_SETTINGS = {
  ewc: { lambda: 10_000 },
  vcl: { logVariance: -10 },
  agsCl: { mu: 0.1, lambda: 10 },
  gem: { margin: 0.5 },
  memoryEach: 64,
  recall: 16,
};

/** What is so on every device. */
const ON_DEVICE: MethodSettings = { ...SHARED_SETTINGS, memoryGiven: true, backboneFromFirst: false };

/** Opens a method as a learner that is kept between trainings. Its samples of earlier tasks are given to it. */
export async function openKeptLearner(method: DeviceMethod, context: MethodContext): Promise<KeptLearner> {
  const { den, ...own } = context.settings;
  const settings = { ...ON_DEVICE, ...own, den: { ...den, tail: true } };
  const given = { ...context, settings };
  const { isolation, regularization, rehearsal } = method;
  if (isolation === 'den') return METHODS.den.open(given);
  if (isolation === 'cpg') return METHODS.cpg.open(given);
  const crown = learnerOf(method) === 'shared-tail' ? tailOf(context.crown) : context.crown;
  return openShared(
    {
      ...(regularization !== 'none' && { regularization }),
      ...(rehearsal !== 'none' && { rehearsal }),
    },
    { ...given, crown },
  );
}
