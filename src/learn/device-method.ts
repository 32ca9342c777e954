import { LichenError } from '../errors.js';
import { combinationOf, conflictOf as conflictInSequence } from './sequence/combinations.js';

/** What can be chosen on a device on each axis. `auto` is a mask, and a column where the mask does not do. */
export const DEVICE_ISOLATIONS = ['piggyback', 'pnn', 'auto', 'shared', 'den', 'cpg'] as const;
export const DEVICE_REGULARIZATIONS = ['none', 'ewc', 'vcl', 'ags-cl'] as const;
export const DEVICE_REHEARSALS = ['none', 'er', 'gem', 'a-gem'] as const;

export type DeviceIsolation = (typeof DEVICE_ISOLATIONS)[number];
export type DeviceRegularization = (typeof DEVICE_REGULARIZATIONS)[number];
export type DeviceRehearsal = (typeof DEVICE_REHEARSALS)[number];

/** One choice on each axis. */
export interface DeviceMethod {
  isolation: DeviceIsolation;
  regularization: DeviceRegularization;
  rehearsal: DeviceRehearsal;
}

/** Isolations whose tasks one learner learns, one after the other, and whose state is kept between trainings. */
const LEARNERS = ['shared', 'den', 'cpg'] as const;
export type LearnerName = (typeof LEARNERS)[number];

export const isLearner = (isolation: string): isolation is LearnerName =>
  (LEARNERS as readonly string[]).includes(isolation);

/** Where choices on two axes do not go together. */
export interface MethodConflict {
  /** The axis whose choice is refused. */
  axis: 'regularization' | 'rehearsal';
  reason: string;
}

/** Why choices do not go together on a device; undefined where they do. */
export function conflictOf({
  isolation,
  regularization,
  rehearsal,
}: DeviceMethod): MethodConflict | undefined {
  if (isolation === 'shared') {
    const reason = conflictInSequence({
      ...(regularization !== 'none' && { regularization }),
      ...(rehearsal !== 'none' && { rehearsal }),
    });
    return reason === undefined ? undefined : { axis: 'rehearsal', reason };
  }
  const apart = `with isolation '${isolation}' each task's weights are its own`;
  if (regularization !== 'none') {
    return {
      axis: 'regularization',
      reason: `${apart}, so that ${regularization} has nothing to hold in place`,
    };
  }
  if (rehearsal === 'none') return undefined;
  // A mask, or a column, is trained with what the memory holds of its own task.
  if (rehearsal === 'er' && !isLearner(isolation)) return undefined;
  return { axis: 'rehearsal', reason: `${apart}, so that ${rehearsal} has no earlier task to rehearse` };
}

/** The names that stand alone, and what they are. */
const ALONE: Readonly<Record<string, DeviceMethod>> = {
  piggyback: { isolation: 'piggyback', regularization: 'none', rehearsal: 'er' },
  pnn: { isolation: 'pnn', regularization: 'none', rehearsal: 'er' },
  auto: { isolation: 'auto', regularization: 'none', rehearsal: 'er' },
  den: { isolation: 'den', regularization: 'none', rehearsal: 'none' },
  cpg: { isolation: 'cpg', regularization: 'none', rehearsal: 'none' },
  naive: { isolation: 'shared', regularization: 'none', rehearsal: 'none' },
};

/** All names that `deviceMethod` knows and that can be put together with +. */
export const DEVICE_METHODS: readonly string[] = [
  ...Object.keys(ALONE),
  ...DEVICE_REGULARIZATIONS.slice(1),
  ...DEVICE_REHEARSALS.slice(1),
];

/**
 * Reads a method's name, or names with + between them, such as `ewc+er`.
 * @throws LichenError `method-unknown`, `method-combination` where they do not go together: why
 */
export function deviceMethod(name: string): DeviceMethod {
  for (const part of name.split('+')) {
    if (DEVICE_METHODS.includes(part)) continue;
    throw new LichenError(
      'method-unknown',
      `there is no method '${part}' to learn with; known: ${DEVICE_METHODS.join(', ')}, and some together, as in ewc+er`,
    );
  }
  const alone = Object.hasOwn(ALONE, name) ? ALONE[name] : undefined;
  if (alone) return alone;
  const parts = name.split('+');
  if (parts.includes('auto')) {
    throw new LichenError(
      'method-combination',
      `'${name}' does not go together: auto chooses between a mask and a column`,
    );
  }
  const { isolation, regularization = 'none', rehearsal = 'none' } = combinationOf(name);
  if (isolation !== 'piggyback') return { isolation: 'shared', regularization, rehearsal };
  const method: DeviceMethod = { isolation, regularization, rehearsal };
  const conflict = conflictOf(method);
  if (!conflict) return method;
  throw new LichenError(
    'method-combination',
    `'${name}' does not go together on a device: ${conflict.reason}. One mask for all tasks is for 'lichen bench continual'`,
  );
}

/** A method's name as `deviceMethod` reads it. */
export function methodName({ isolation, regularization, rehearsal }: DeviceMethod): string {
  if (isolation !== 'shared') return isolation;
  return [regularization, rehearsal].filter((name) => name !== 'none').join('+') || 'naive';
}
