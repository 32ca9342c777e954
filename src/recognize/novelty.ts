import { LichenError } from '../errors.js';
import type { Evidence } from '../learn/streaming/whitened.js';

/**
 * Distances from known samples up to so many deviations beyond their mean say nothing. Of few classes they do: those differ in few
 * directions, so that angle and distance within their span see little (measured in docs/recognition.md).
 */
const borneOf = (classes: number): number => Math.min(3, Math.max(0, classes / 2 - 1));

/**
 * Whether any class explains a sample. Three things speak against it: that it points away from all classes, that it lies far
 * from the nearest one in the directions in which classes differ, and that it lies much farther out than known samples do in
 * all. Things of another kind lie far out; things of the same kind that are new point elsewhere, and lie between the classes
 * (measured in docs/recognition.md). All are counted in deviations of known samples.
 *
 * The threshold is conformal (Vovk, Gammerman & Shafer 2005): of new samples of known classes at most the chosen share is
 * called novel, on average over draws of the calibration samples, whatever the scores' distribution.
 */
export class Novelty {
  /** Scores above it are novel; infinite where there are too few samples for the rate. */
  readonly threshold: number;
  private readonly angle: { mean: number; deviation: number };
  private readonly within: { mean: number; deviation: number };
  private readonly distance: { mean: number; deviation: number };
  private readonly borne: number;
  /** Of the calibration samples, ascending. */
  private readonly scores: readonly number[];

  /**
   * @param known evidence of samples of known classes that nothing was fitted on
   * @param falseAlarms share of known samples that may be called novel, above 0 and below 1
   * @param classes how many classes the evidence is of
   * @throws LichenError `novelty-rate`
   */
  constructor(known: readonly Evidence[], falseAlarms: number, classes: number) {
    if (!(falseAlarms > 0 && falseAlarms < 1)) {
      throw new LichenError(
        'novelty-rate',
        `the false-alarm rate is ${falseAlarms}; expected a share above 0 and below 1, such as 0.05`,
      );
    }
    this.borne = borneOf(classes);
    this.angle = spread(known.map((e) => e.angle));
    this.within = spread(known.map((e) => e.within));
    this.distance = spread(known.map((e) => e.distance));
    this.scores = known.map((e) => this.score(e)).sort((a, b) => a - b);
    const rank = Math.ceil((known.length + 1) * (1 - falseAlarms));
    this.threshold = this.scores[rank - 1] ?? Number.POSITIVE_INFINITY;
  }

  /** The fewest calibration samples with which anything can be called novel at a rate. */
  static samplesFor(falseAlarms: number): number {
    return Math.ceil(1 / falseAlarms) - 1;
  }

  /** How much speaks against all classes; higher is more novel. */
  score({ angle, within, distance }: Evidence): number {
    const turned = (this.angle.mean - angle) / this.angle.deviation;
    const off = (within - this.within.mean) / this.within.deviation;
    const out = (distance - this.distance.mean) / this.distance.deviation;
    return turned + off + Math.max(0, out - this.borne);
  }

  isNovel(evidence: Evidence): boolean {
    return this.score(evidence) > this.threshold;
  }

  /** The share of known samples that look at least as novel: the conformal p-value, above 0 and at most 1. */
  pValue(evidence: Evidence): number {
    const score = this.score(evidence);
    const below = this.scores.filter((s) => s < score).length;
    return (this.scores.length - below + 1) / (this.scores.length + 1);
  }
}

/** What is said of a sample's novelty. */
export interface Judged {
  novel: boolean;
  /** How much speaks against all classes, in deviations of known samples. */
  score: number;
  /** Share of known samples that look at least as novel. */
  pValue: number;
}

/**
 * Novelty of samples of several tasks, with a threshold for each: what is usual for one is not for another, and one threshold
 * for all would take the false alarms of all from the task that is spread widest. It is conformal within each task (Mondrian
 * conformal prediction, Vovk, Gammerman & Shafer 2005, section 4.5): calibration samples count for the task that was chosen for
 * them, as new ones do, so that each task keeps the rate, whichever are chosen wrongly.
 *
 * A task with too few calibration samples for the rate goes by those of all tasks, and what is called novel there has to look
 * more novel than each of its own, too.
 */
export class TaskNovelty {
  private readonly all: Novelty;
  private readonly own = new Map<string, Novelty>();
  /** Of tasks with too few samples: the highest score of theirs, among all. */
  private readonly highest = new Map<string, number>();

  /**
   * @param known evidence of samples of known classes that nothing was fitted on, with the task that was chosen for each
   * @param falseAlarms share of known samples of each task that may be called novel, above 0 and below 1
   * @param classes how many classes the evidence is of
   * @throws LichenError `novelty-rate`
   */
  constructor(known: readonly { task: string; evidence: Evidence }[], falseAlarms: number, classes: number) {
    this.all = new Novelty(
      known.map((k) => k.evidence),
      falseAlarms,
      classes,
    );
    for (const task of new Set(known.map((k) => k.task))) {
      const own = known.flatMap((k) => (k.task === task ? [k.evidence] : []));
      if (own.length >= Novelty.samplesFor(falseAlarms))
        this.own.set(task, new Novelty(own, falseAlarms, classes));
      else this.highest.set(task, Math.max(...own.map((e) => this.all.score(e))));
    }
  }

  /** @param task that was chosen for the sample */
  judge(task: string, evidence: Evidence): Judged {
    const by = this.own.get(task) ?? this.all;
    const score = by.score(evidence);
    const novel = by.isNovel(evidence) && score > (this.highest.get(task) ?? Number.NEGATIVE_INFINITY);
    return { novel, score, pValue: by.pValue(evidence) };
  }
}

function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / Math.max(1, values.length);
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length);
  // Of equal values each deviation is as good as another.
  return { mean, deviation: Math.sqrt(variance) || 1 };
}
