import { median } from '../statistics.js';
import type { Measured, Ready } from './protocol.js';

/** One side's figures. */
export interface SideResult {
  variant: string;
  /**
   * Median over the turns of a step's time in a turn, which is the turn's time over its steps: a side that
   * reports several steps at once gains nothing by it.
   */
  medianMs: number;
  /** A step's time in the fastest and in the slowest turn. */
  lowestMs: number;
  highestMs: number;
  /** A step's time in each turn, in order. */
  rounds: number[];
  /** Peak of the process's life, compiling included; and while it was training, warm. */
  peakRssBytes: number;
  workingPeakRssBytes: number;
  importedRssBytes: number;
  secondsToReady: number;
  versions: Record<string, string | number>;
  losses: number[];
}

/** The same steps on both sides. */
export interface StepComparison {
  work: string;
  batch: number;
  lichen: SideResult;
  /** Lichen as it trains under a cap of memory: the same batch in pieces, one after the other. Null where not asked for. */
  inPieces: SideResult | null;
  /** Every form of the peer, the fastest first; none where there is no Python. */
  peers: SideResult[];
  /** Forms of the peer that could not run, and why. */
  failed: { variant: string; reason: string }[];
  /** Lichen's median over that of the peer's fastest form; below 1 Lichen is faster. */
  ratio: number | null;
  /** The median over the rounds of the ratio within one round: what befell the machine falls out. */
  pairedRatio: number | null;
  /** Lichen's peak memory over that of the peer's fastest form. */
  memoryRatio: number | null;
  /** Largest relative difference between the sides' losses in the first steps. */
  lossDifference: number | null;
}

/** Sums up one side's turns. */
export function sideResult(ready: Ready, turns: readonly Measured[]): SideResult {
  const each = turns.map((t) => round(t.ms.reduce((a, b) => a + b, 0) / t.ms.length));
  return {
    variant: ready.variant,
    medianMs: round(median(each)),
    lowestMs: Math.min(...each),
    highestMs: Math.max(...each),
    rounds: each,
    peakRssBytes: Math.max(...turns.map((t) => t.peakRssBytes)),
    workingPeakRssBytes: Math.max(...turns.map((t) => t.workingPeakRssBytes)),
    importedRssBytes: ready.importedRssBytes,
    secondsToReady: ready.secondsToReady,
    versions: ready.versions,
    losses: ready.losses,
  };
}

/** Puts the sides against each other; the peer's fastest form counts. */
export function comparison(
  work: string,
  batch: number,
  lichen: SideResult,
  peers: readonly SideResult[],
  failed: StepComparison['failed'],
  inPieces: SideResult | null = null,
): StepComparison {
  const sorted = [...peers].sort((a, b) => a.medianMs - b.medianMs);
  const best = sorted[0];
  return {
    work,
    batch,
    lichen,
    inPieces,
    peers: sorted,
    failed,
    ratio: best ? round(lichen.medianMs / best.medianMs) : null,
    pairedRatio: best ? round(median(lichen.rounds.map((ms, i) => ms / best.rounds[i]!))) : null,
    memoryRatio: best ? round(lichen.peakRssBytes / best.peakRssBytes) : null,
    lossDifference: best ? lossDifference(lichen.losses, best.losses) : null,
  };
}

/** Largest relative difference, to three digits. */
export function lossDifference(a: readonly number[], b: readonly number[]): number {
  const each = a.map((loss, i) => Math.abs(loss - b[i]!) / Math.abs(b[i]!));
  return Number(Math.max(...each).toPrecision(3));
}

export const round = (value: number) => Math.round(value * 1000) / 1000;
