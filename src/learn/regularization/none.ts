import type { Regularization } from '../strategy.js';

/** Nothing holds the weights: right where isolation gives every task its own. */
export class NoRegularization implements Regularization {
  readonly name = 'none';

  penalty(): null {
    return null;
  }
}
