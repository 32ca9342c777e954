import { add, mul, scale, sub, sum } from '../../autodiff/rule.js';
import type { FloatTensor } from '../../engine/engine.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import { sizeOf } from '../../onnx/model.js';
import { HEAD } from '../sequence/headed.js';
import type { Parameter, Regularization } from '../strategy.js';
import { LOG_VARIANCE } from './vcl-network.js';

/** A Gaussian over a network's parameters: means by their names, and log-variances. */
export type Gaussian = ReadonlyMap<string, Float32Array>;

const CONSTANT = 'kl:constant';
const SHARE = 'kl:share';

/**
 * The divergence of the weights' distribution q from a prior p, both Gaussians with independent weights:
 * KL(q || p) = 1/2 sum (log v_p - log v_q + (v_q + (m_q - m_p)^2) / v_p - 1), divided by the number of samples that the
 * posterior is fitted to (Nguyen et al. 2018, equation 4): the data's part of the loss is a mean over samples, too.
 */
export class KlToPrior implements Regularization {
  readonly name = 'kl-to-prior';
  private readonly heads: boolean;
  private means: readonly Parameter[] = [];
  private feeds: Record<string, FloatTensor> = {};

  /** @param heads whether tasks have heads of their own: rows of the last layer, which count by themselves */
  constructor(heads: boolean) {
    this.heads = heads;
  }

  penalty(b: GraphBuilder, parameters: readonly Parameter[]): string | null {
    const names = new Set(parameters.map((p) => p.name));
    this.means = parameters.filter((p) => names.has(p.name + LOG_VARIANCE));
    if (this.means.length === 0) return null;
    const terms = this.means.map(({ name, dims }) => {
      const of = priorOf(name);
      const apart = sub(b, name, b.input(of.mean, dims));
      const spread = add(b, b.op('Exp', [name + LOG_VARIANCE]), b.op('Mul', [apart, apart]));
      const scaled = b.op('Mul', [spread, b.input(of.precision, dims)]);
      const term = sub(b, scaled, name + LOG_VARIANCE);
      const counted = this.inHeads(name) ? mul(b, term, b.input(of.rows, rowsOf(dims))) : term;
      return sum(
        b,
        counted,
        dims.map((_, axis) => axis),
      );
    });
    const half = scale(
      b,
      terms.reduce((p, q) => add(b, p, q)),
      0.5,
    );
    return mul(b, add(b, half, b.input(CONSTANT, [])), b.input(SHARE, []));
  }

  inputs(): Record<string, FloatTensor> {
    return this.feeds;
  }

  /**
   * Takes another prior; it is copied.
   * @param samples what the divergence is divided by
   * @param classes those of tasks so far: where there are heads, rows of other classes take no part
   */
  setPrior(prior: Gaussian, samples: number, classes: ReadonlySet<number>): void {
    const feeds: Record<string, FloatTensor> = {};
    let constant = 0;
    for (const { name, dims } of this.means) {
      const of = priorOf(name);
      const logVariance = prior.get(name + LOG_VARIANCE)!;
      feeds[of.mean] = { dims, data: prior.get(name)!.slice() };
      feeds[of.precision] = { dims, data: logVariance.map((v) => Math.exp(-v)) };
      let counts = (_row: number) => true;
      if (this.inHeads(name)) {
        counts = (row) => classes.has(row);
        const data = Float32Array.from({ length: dims[0]! }, (_, row) => (counts(row) ? 1 : 0));
        feeds[of.rows] = { dims: rowsOf(dims), data };
      }
      const width = sizeOf(dims.slice(1));
      logVariance.forEach((v, i) => {
        if (counts(Math.floor(i / width))) constant += v - 1;
      });
    }
    feeds[CONSTANT] = { dims: [], data: Float32Array.of(constant / 2) };
    feeds[SHARE] = { dims: [], data: Float32Array.of(1 / samples) };
    this.feeds = feeds;
  }

  private inHeads(name: string): boolean {
    return this.heads && ofHead(name);
  }
}

/** Whether a parameter is one of the last layer, whose rows are classes. */
export function ofHead(name: string): boolean {
  return name.startsWith(`${HEAD}.`);
}

const priorOf = (name: string) => ({
  mean: `${name}.prior.mean`,
  precision: `${name}.prior.precision`,
  rows: `${name}.prior.rows`,
});

/** One number for each row of a parameter. */
const rowsOf = (dims: readonly number[]) => dims.map((d, axis) => (axis === 0 ? d : 1));
