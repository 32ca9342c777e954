import { LichenError } from '../../errors.js';
import { type Combination, REGULARIZATIONS, REHEARSALS, SHARED_ISOLATIONS } from './axes.js';

/** Methods that keep what each task learned apart and frozen, and why that leaves nothing to combine with. */
const APART = new Set(['pnn', 'den', 'cpg', 'thin-columns', 'separate', 'linear-head']);

/**
 * Reads names with + between them, such as `ewc+er`, as one choice on each axis.
 * @throws LichenError `method-combination` where two are of one axis, or do not go together: why
 */
export function combinationOf(name: string): Combination {
  const refuse = (why: string): never => {
    throw new LichenError(
      'method-combination',
      `'${name}' does not go together: ${why}. Combinations that do: ${COMBINATIONS.join(', ')}`,
    );
  };
  const parts = name.split('+');
  const combination: Record<string, string> = {};
  for (const part of parts) {
    if (APART.has(part)) {
      refuse(
        `${part} keeps what each task learned apart, so there is nothing to hold in place or to rehearse`,
      );
    }
    const axis = Object.entries(AXES).find(([, names]) => names.includes(part))?.[0];
    if (!axis) return refuse(`${part} is a reference, which stands alone`);
    if (combination[axis]) refuse(`${combination[axis]} and ${part} are both choices of one axis (${axis})`);
    combination[axis] = part;
  }
  const found = combination as Combination;
  const why = conflictOf(found);
  return why ? refuse(why) : found;
}

const AXES: Readonly<Record<keyof Combination, readonly string[]>> = {
  isolation: Object.keys(SHARED_ISOLATIONS),
  regularization: Object.keys(REGULARIZATIONS),
  rehearsal: Object.keys(REHEARSALS),
};

/** Why choices on different axes do not go together; undefined where they do. */
export function conflictOf({ isolation, regularization, rehearsal }: Combination): string | undefined {
  if (regularization === 'vcl' && (rehearsal === 'gem' || rehearsal === 'a-gem')) {
    return `${rehearsal} compares gradients, and VCL's are of random draws of the weights`;
  }
  if (isolation === 'piggyback' && regularization && regularization !== 'ewc') {
    return `${regularization} works on weights, and a mask leaves them as they are`;
  }
  return undefined;
}

/** All combinations of two or three axes that go together, by name. */
export const COMBINATIONS: readonly string[] = combinations();

function combinations(): string[] {
  const some = <T>(names: readonly T[]) => [undefined, ...names];
  const all: Combination[] = some(['piggyback'] as const).flatMap((isolation) =>
    some(Object.keys(REGULARIZATIONS) as NonNullable<Combination['regularization']>[]).flatMap(
      (regularization) =>
        some(Object.keys(REHEARSALS) as NonNullable<Combination['rehearsal']>[]).map((rehearsal) => ({
          ...(isolation && { isolation }),
          ...(regularization && { regularization }),
          ...(rehearsal && { rehearsal }),
        })),
    ),
  );
  return all
    .filter((c) => Object.keys(c).length > 1 && !conflictOf(c))
    .map(({ isolation, regularization, rehearsal }) =>
      [isolation, regularization, rehearsal].filter(Boolean).join('+'),
    );
}
