import { add, mul, neg, sum } from '../../autodiff/rule.js';
import type { GraphBuilder } from '../../onnx/builder.js';

/** Corrects a step's direction by the gradient on remembered samples. */
export interface Direction {
  readonly name: string;
  /**
   * @param found parameter -> gradient of the step's own loss
   * @param reference parameter -> gradient on remembered samples
   * @returns parameter -> gradient to follow
   */
  correct(
    b: GraphBuilder,
    found: ReadonlyMap<string, string>,
    reference: ReadonlyMap<string, string>,
  ): Map<string, string>;
}

/** Keeps a division by the reference's square defined; far below any gradient's square that matters. */
const TINY = 1e-20;

/**
 * A-GEM (Chaudhry et al. 2019, 'Efficient lifelong learning with A-GEM', equation 11): where the step would raise the
 * average loss on the memory, g . r < 0, what goes against it is taken away: g - (g . r) / (r . r) r.
 */
export class AverageGem implements Direction {
  readonly name = 'a-gem';

  correct(
    b: GraphBuilder,
    found: ReadonlyMap<string, string>,
    reference: ReadonlyMap<string, string>,
  ): Map<string, string> {
    const total = (parts: string[]) => parts.reduce((p, q) => add(b, p, q));
    const dot = (p: string, q: string) => {
      const product = b.op('Mul', [p, q]);
      return sum(
        b,
        product,
        b.shape(product).map((_, axis) => axis),
      );
    };
    const names = [...found.keys()];
    const against = b.op('Relu', [neg(b, total(names.map((n) => dot(found.get(n)!, reference.get(n)!))))]);
    const square = total(names.map((n) => dot(reference.get(n)!, reference.get(n)!)));
    const share = b.op('Div', [against, b.op('Add', [square, b.scalar(TINY)])]);
    return new Map(names.map((n) => [n, add(b, found.get(n)!, mul(b, reference.get(n)!, share))]));
  }
}
