import type { LatentShape } from '../backbone/latent.js';
import type { Answer } from '../recognize/answer.js';
import type { Card, QueueCounts } from './api.js';
import { ALIKE, type Candidate, Candidates, type Judged } from './candidates.js';
import { worthOf } from './informative.js';
import { distance, lookOf } from './look.js';
import type { Outcome, Questions } from './questions.js';
import type { Frame } from './recent-frames.js';
import { answerView } from './views.js';

export interface QueueOptions {
  questions: Questions;
  codec: LatentShape;
  /** Questions that are put within 24 hours, at most. */
  perDay: number;
  /** Pictures are let go of after so long, asked about or not; milliseconds. */
  keep: number;
  /** What is said of pictures now: labels have come since they passed. */
  answers: (pictures: readonly Pick<Candidate, 'latent' | 'task'>[]) => Promise<(Answer | undefined)[]>;
  /** Makes of a picture what is shown. */
  shown: (bytes: Buffer) => Promise<Buffer>;
  /** How often a weak label was right. */
  trust: (source: string) => number;
}

/** A picture as the device saw it. */
export interface Seen extends Omit<Frame, 'smoothed'> {
  weak?: { label: string; source: string };
}

/** Pictures that may be asked about, at one time: some megabytes. With 48, labels of hand signs were worth less. */
const CANDIDATES = 128;
/** How many of the newest labelled samples a question is to be unlike. */
export const KNOWN = 500;

/**
 * The labelling queue: of all pictures that pass, the few whose labels would help most. What is asked about is put on the
 * disk and waits for the owner; the rest is forgotten.
 */
export class LabelQueue {
  private readonly options: QueueOptions;
  private readonly candidates = new Candidates(CANDIDATES);
  /** How labelled samples look, by sample. */
  private readonly known = new Map<string, Float32Array>();

  constructor(options: QueueOptions) {
    this.options = options;
  }

  /** Considers a picture. Returns whether it may be asked about. */
  async offer({ sample, source, task, at, bytes, latent, answer, weak }: Seen): Promise<boolean> {
    const { codec, shown, questions } = this.options;
    const judged = judgedBy(answer, weak ?? null);
    // A label from elsewhere may come after its picture was considered.
    if (weak && this.candidates.judge(sample, judged)) return true;
    const { worth } = judged;
    const look = lookOf(latent, codec);
    if (this.known.has(sample) || !this.candidates.wants(worth, look)) return false;
    if (questions.asked().some((asked) => distance(asked, look) < ALIKE)) return false;
    const picture = await shown(bytes);
    // Another one may have come meanwhile.
    if (!this.candidates.wants(worth, look)) return false;
    this.candidates.add({ ...judged, sample, source, task, at, latent, look, picture });
    return true;
  }

  /** Notes a labelled sample: what looks like it need not be asked about. */
  learned(sample: string, latent: Uint8Array): void {
    const look = lookOf(latent, this.options.codec);
    this.known.set(sample, look);
    if (this.known.size > KNOWN) this.known.delete(this.known.keys().next().value!);
    this.candidates.remove(sample);
    this.candidates.removeAlike(look);
  }

  /** Notes that a labelled sample was taken out: what looks like it may be asked about again. */
  unlearned(sample: string): void {
    this.known.delete(sample);
  }

  /** Puts questions until as many wait as wanted, or the day's are used up. */
  async ask(now: number, wanted = this.options.perDay): Promise<void> {
    const { questions, perDay, keep } = this.options;
    questions.expire(now - keep);
    this.candidates.removeOld(now - keep);
    const before = questions.counts(now);
    if (before.waiting >= wanted || before.asked >= perDay || this.candidates.size === 0) return;
    await this.judgeAnew();
    // Somebody else may have asked meanwhile.
    const { waiting, asked } = questions.counts(now);
    const known = [...this.known.values(), ...questions.asked()];
    for (const next of this.candidates.next(Math.min(wanted - waiting, perDay - asked), known)) {
      questions.add(next, now);
      this.candidates.remove(next.sample);
      this.candidates.removeAlike(next.look);
    }
  }

  private async judgeAnew(): Promise<void> {
    const held = this.candidates.list();
    const answers = await this.options.answers(held);
    held.forEach(({ sample, weak }, i) => {
      this.candidates.judge(sample, judgedBy(answers[i], weak));
    });
  }

  /** The questions that wait. */
  cards(): Card[] {
    return this.options.questions.waiting().map(({ answer, weak, ...row }) => {
      const said = weak === null ? null : (JSON.parse(weak) as { label: string; source: string });
      return {
        ...row,
        answer: answer === null ? null : JSON.parse(answer),
        weak: said && { ...said, trust: this.options.trust(said.source) },
      };
    });
  }

  /** What is known of a picture that is asked about. */
  content(sample: string): { latent: Uint8Array; picture: Buffer; source: string } | undefined {
    return this.options.questions.content(sample);
  }

  /** Returns whether the question waited. */
  settle(sample: string, outcome: Outcome): boolean {
    this.candidates.remove(sample);
    return this.options.questions.settle(sample, outcome);
  }

  reopen(sample: string, latent: Uint8Array, picture: Uint8Array): void {
    this.options.questions.reopen(sample, latent, picture);
  }

  counts(now: number): QueueCounts {
    const { questions, perDay } = this.options;
    return { ...questions.counts(now), perDay, candidates: this.candidates.size };
  }
}

/** What is thought of a picture by what is said of it. */
function judgedBy(answer: Answer | undefined, weak: Candidate['weak']): Judged {
  return { ...worthOf(answer, weak?.label), answer: answer ? answerView(answer) : null, weak };
}
