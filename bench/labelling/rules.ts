import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LatentShape } from '../../src/backbone/latent.js';
import { Questions } from '../../src/label/questions.js';
import { LabelQueue } from '../../src/label/queue.js';
import { Sealed } from '../../src/label/sealed.js';
import type { Random } from '../../src/random.js';
import { keyFileOf, openStore } from '../../src/store/store.js';
import type { Described } from './described.js';
import type { InstantLearner } from './learner.js';

/** Which pictures of a stream are labelled. */
export interface Rule {
  /** A picture passes. */
  passes(picture: number, at: number): Promise<void>;
  /** The pictures to be labelled now, at most so many. */
  choose(count: number, at: number): Promise<number[]>;
  /** Told of labels, after they were learned. */
  labelled(pictures: readonly number[]): void;
  close(): void;
}

export const RULES = ['queue', 'random', 'margin'] as const;
export type RuleName = (typeof RULES)[number];

/** Any picture that passed is as likely as any other. */
export class RandomRule implements Rule {
  protected passed: number[] = [];
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  async passes(picture: number): Promise<void> {
    this.passed.push(picture);
  }

  async choose(count: number): Promise<number[]> {
    return this.random.shuffle([...this.passed]).slice(0, count);
  }

  labelled(pictures: readonly number[]): void {
    this.passed = this.passed.filter((p) => !pictures.includes(p));
  }

  close(): void {}
}

/**
 * The pictures whose two likeliest classes are least apart, of all that passed, by what is answered now (Scheffer,
 * Decomain & Wrobel 2001): more than a device could hold.
 */
export class MarginRule extends RandomRule {
  private readonly learner: InstantLearner;

  constructor(random: Random, learner: InstantLearner) {
    super(random);
    this.learner = learner;
  }

  override async choose(count: number): Promise<number[]> {
    // Equal margins, as before the first labels, are drawn at random.
    const shuffled = await super.choose(this.passed.length);
    const answers = this.learner.answers(shuffled);
    const margins = answers.map((a) => (a ? a.probability - (a.all[1]?.probability ?? 0) : 1));
    return shuffled
      .map((picture, k) => ({ picture, margin: margins[k]! }))
      .sort((a, b) => a.margin - b.margin)
      .slice(0, count)
      .map((p) => p.picture);
  }
}

/** The queue as a device has it: with its store, its few candidates in memory, and its answers of when a picture passed. */
export class QueueRule implements Rule {
  private readonly set: Described;
  private readonly learner: InstantLearner;
  private readonly queue: LabelQueue;
  private readonly indices: ReadonlyMap<string, number>;
  private readonly end: () => void;

  constructor(set: Described, learner: InstantLearner, codec: LatentShape, keep: number) {
    this.set = set;
    this.learner = learner;
    this.indices = new Map(set.samples.map((sample, i) => [sample, i]));
    const folder = mkdtempSync(join(tmpdir(), 'lichen-bench-'));
    const store = openStore(folder);
    this.queue = new LabelQueue({
      questions: new Questions(store.database, new Sealed(store.settings, keyFileOf(folder))),
      ...{ codec, keep, perDay: 20 },
      answers: (pictures) => this.learner.seen(pictures.map((p) => set.latents.indexOf(p.latent))),
      // Nobody looks at it.
      shown: async (bytes) => bytes,
      trust: () => 1,
    });
    this.end = () => {
      store.close();
      rmSync(folder, { recursive: true });
    };
  }

  async passes(picture: number, at: number): Promise<void> {
    const [answer] = await this.learner.seen([picture]);
    await this.queue.offer({
      ...{ sample: this.set.samples[picture]!, source: 'stream', at, answer },
      ...{ bytes: Buffer.alloc(0), latent: this.set.latents[picture]! },
    });
  }

  async choose(count: number, at: number): Promise<number[]> {
    await this.queue.ask(at, count);
    return this.queue.cards().map((card) => this.indices.get(card.sample)!);
  }

  labelled(pictures: readonly number[]): void {
    for (const picture of pictures) {
      const sample = this.set.samples[picture]!;
      this.queue.settle(sample, 'labelled');
      this.queue.learned(sample, this.set.latents[picture]!);
    }
  }

  close(): void {
    this.end();
  }
}
