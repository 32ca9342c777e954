import { LichenError } from '../../errors.js';
import type { Crown } from '../strategy.js';
import { unitLayersOf } from './unit-layers.js';

/**
 * The crown with all frozen but the longest chain of layers at its end: where methods that work on units (DEN, AGS-CL)
 * can act in a network that has grouped layers or sums further down. A crown that is a chain is returned as it is.
 * @throws LichenError `den-unsupported` where not even the last layer can be had
 */
export function tailOf(crown: Crown): Crown {
  let refused: LichenError | undefined;
  for (const start of [undefined, ...crown.graph.nodes.map((n) => n.outputs[0]!)]) {
    const { frozenUntil: _, ...whole } = crown;
    const tail: Crown = start === undefined ? whole : { ...whole, frozenUntil: start };
    try {
      unitLayersOf(tail);
      return tail;
    } catch (error) {
      if (!(error instanceof LichenError) || error.code !== 'den-unsupported') throw error;
      refused ??= error;
    }
  }
  throw refused!;
}
