import { createHash } from 'node:crypto';
import { deviceMethod } from '../../../src/learn/device-method.js';
import type { KeptLearner, SequenceOptions } from '../../../src/learn/sequence/continual-learner.js';
import { openKeptLearner } from '../../../src/learn/sequence/kept-learner.js';
import { encodeState } from '../../../src/learn/sequence/learner-state.js';
import type { SequenceTask } from '../../../src/learn/sequence/task.js';
import { ENGINE, OPTIONS, pairs, smallMlp } from './small.js';

export const KEPT_OPTIONS: SequenceOptions = {
  ...OPTIONS,
  ...{ taskKnown: true, classes: 6, optimizer: 'adam', rate: 2e-3, freshOptimizer: true, precision: 'half' },
};

export const digits = (): SequenceTask[] => pairs(3, 120);

/** A method as a device opens it, on a small network. */
export function openKept(method: string, options = KEPT_OPTIONS): Promise<KeptLearner> {
  const settings = { cpg: { goal: 0.9, growth: 0.5 }, memoryEach: 20, ewc: { lambda: 100 } };
  return openKeptLearner(deviceMethod(method), { engine: ENGINE, crown: smallMlp(), options, settings });
}

/** Learns the next task of the sequence, with what a memory of 30 samples of each earlier task would give. */
export async function learnNext(learner: KeptLearner, tasks: readonly SequenceTask[], next: number) {
  learner.remember(tasks.slice(0, next).map(({ train }) => ({ ...train, count: 30 })));
  await learner.learn(tasks[next]!);
}

export const stateOf = (learner: KeptLearner): Uint8Array =>
  encodeState({ ...learner.state(), classes: [], chain: [] });

export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
