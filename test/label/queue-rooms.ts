import type { LatentShape } from '../../src/backbone/latent.js';
import { Questions } from '../../src/label/questions.js';
import { LabelQueue, type QueueOptions, type Seen } from '../../src/label/queue.js';
import { Sealed } from '../../src/label/sealed.js';
import { shownPicture } from '../../src/label/shown.js';
import type { Answer } from '../../src/recognize/answer.js';
import { keyFileOf, openStore, type Store } from '../../src/store/store.js';
import type { Photograph } from '../agent/pictures.js';

export const HOUR = 3600 * 1000;
export const DAY = 24 * HOUR;

/** A labelling queue on a real store. */
export interface QueueRooms {
  store: Store;
  sealed: Sealed;
  questions: Questions;
  queue: LabelQueue;
}

export function openQueue(
  folder: string,
  codec: LatentShape,
  options: Partial<QueueOptions> = {},
): QueueRooms {
  const store = openStore(folder);
  const sealed = new Sealed(store.settings, keyFileOf(folder));
  const questions = new Questions(store.database, sealed);
  const queue = new LabelQueue({
    ...{ questions, codec, perDay: 20, keep: 7 * DAY, shown: shownPicture },
    answers: async (pictures) => pictures.map(() => undefined),
    trust: () => 0.8,
    ...options,
  });
  return { store, sealed, questions, queue };
}

/** What a device says that is sure to a degree. */
export function answerOf(label: string, probability: number, more: Partial<Answer> = {}): Answer {
  const all = [
    { label, probability },
    { label: `not ${label}`, probability: 1 - probability },
  ].sort((a, b) => b.probability - a.probability);
  const { label: likeliest, probability: its } = all[0]!;
  return {
    task: 'goods',
    label: likeliest,
    probability: its,
    version: 'instant',
    all,
    novel: false,
    ...more,
  };
}

export function seenOf({ id, bytes }: Photograph, latent: Uint8Array, more: Partial<Seen> = {}): Seen {
  return { sample: id, source: 'cam', at: 0, bytes, latent, answer: undefined, ...more };
}
