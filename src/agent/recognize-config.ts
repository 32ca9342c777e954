import { z } from 'zod';
import { duration } from '../config/units.js';
import type { DriftKind } from '../recognize/drift.js';
import type { NoveltyRule } from '../recognize/recognizer.js';
import { SMOOTHING_DEFAULTS } from '../recognize/smoothing.js';
import type { ReplayMemory } from '../replay/memory.js';

/**
 * So many of the newest held-out samples of all tasks together say what known ones look like: more would only take time. But
 * of each task so many, so that its threshold is its own however many there are.
 */
const HELD_OUT = 200;
const HELD_OUT_OF_EACH = 60;

/** Settings of how the device recognizes. */
export const recognizeSchema = z.strictObject({
  falseAlarms: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.05)
    .describe(
      'Share of pictures of known classes of each task that may be called novel; 0 calls nothing novel. It needs 1 / share held-out samples, and as many of a task for a threshold of its own.',
    ),
  drift: z
    .enum(['report', 'open', 'off'])
    .default('report')
    .describe(
      "What happens when the pictures of a source are no longer like those learned; 'open' also opens a task for their labels.",
    ),
  openPause: duration(0)
    .default(86_400_000)
    .describe('Shortest time between two tasks that the device opens by itself; time such as 1 d.'),
  smoothing: z
    .strictObject({
      halfLife: duration(0)
        .default(1000 * SMOOTHING_DEFAULTS.halfLife)
        .describe('Time after which an answer counts half; such as 2 s.'),
      enter: z
        .number()
        .min(0.01)
        .max(1)
        .default(SMOOTHING_DEFAULTS.enter)
        .describe('Smoothed probability from which a label stands.'),
      leave: z
        .number()
        .min(0)
        .max(1)
        .default(SMOOTHING_DEFAULTS.leave)
        .describe('Smoothed probability below which it stands no more; at most `enter`.'),
    })
    .refine((s) => s.leave <= s.enter, { error: '`leave` must not be above `enter`', path: ['leave'] })
    .prefault({})
    .describe('How answers over time become one that an automation can rely on.'),
});

export type RecognizeConfig = z.infer<typeof recognizeSchema>;

/** How the recognizer tells what is novel; undefined where nothing is to be. */
export function noveltyRule(
  { falseAlarms }: Pick<RecognizeConfig, 'falseAlarms'>,
  memory: ReplayMemory,
): NoveltyRule | undefined {
  if (falseAlarms === 0) return undefined;
  return {
    falseAlarms,
    heldOut: (tasks) =>
      tasks.flatMap((task) =>
        heldOutOf(memory, task, Math.max(HELD_OUT_OF_EACH, Math.floor(HELD_OUT / tasks.length))).map(
          ({ latent }) => latent,
        ),
      ),
  };
}

/** The newest held-out samples of a task, with their labels. */
export function heldOutOf(
  memory: ReplayMemory,
  task: string,
  most = HELD_OUT_OF_EACH,
): { label: string; latent: Uint8Array }[] {
  return memory
    .refs({ task, heldOut: true })
    .sort((a, b) => b.at - a.at)
    .slice(0, most)
    .map((ref) => ({ label: ref.label, latent: memory.read(ref) }));
}

/** What the owner is told when a stream has changed. */
export function driftMessage(source: string, kind: DriftKind): string {
  const what = {
    novelty: 'are no longer like those that were learned',
    confidence: 'are answered less surely than before',
  };
  return `the pictures of '${source}' ${what[kind]}; label some of them, or begin a new task`;
}
