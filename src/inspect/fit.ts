import { WORK_KINDS, type Work, type WorkKind } from './work.js';

/** Seconds a unit of each kind of work takes. */
export type Rates = Record<WorkKind, number>;

/** A step that was run: its work, and how long it took. */
export interface Measured {
  work: Work;
  seconds: number;
}

/**
 * Rates of one core of a server (Xeon, onnxruntime 1.27, 2026), from steps of 14 crowns at batch 1, 4 and 16.
 * Only their proportions matter: where a few measurements do not tell two kinds apart, these do.
 */
const KNOWN: Rates = { nodes: 5e-6, dense: 1.3e-11, grouped: 8e-11, transposed: 1.8e-10, moved: 5.5e-11 };
/** How much the known proportions weigh: a whole measurement weighs 1. */
const TRUST = 0.02;
const SWEEPS = 500;

/** The seconds that work takes at these rates. */
export function secondsOf(work: Work, rates: Rates): number {
  return WORK_KINDS.reduce((sum, k) => sum + work[k] * rates[k], 0);
}

/**
 * Rates that explain measured steps: least squares of the relative errors, no rate below zero, drawn towards
 * the known proportions. One measurement gives the known rates, times how much slower the machine is.
 * @param measured at least one
 */
export function fitRates(measured: readonly Measured[]): Rates {
  // In units of the known rates at this machine's speed every wanted rate is near 1.
  const slower = median(measured.map((m) => m.seconds / secondsOf(m.work, KNOWN)));
  const rows = measured.map((m) => WORK_KINDS.map((k) => (m.work[k] * KNOWN[k] * slower) / m.seconds));
  const rates = WORK_KINDS.map(() => 1);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const k of WORK_KINDS.keys()) {
      // The best value of one rate while the others stay, in closed form.
      let above = TRUST;
      let below = TRUST;
      for (const row of rows) {
        const others = row.reduce((sum, x, j) => (j === k ? sum : sum + x * rates[j]!), 0);
        above += row[k]! * (1 - others);
        below += row[k]! ** 2;
      }
      rates[k] = Math.max(0, above / below);
    }
  }
  const entries = WORK_KINDS.map((k, i) => [k, rates[i]! * KNOWN[k] * slower]);
  return Object.fromEntries(entries) as Rates;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
