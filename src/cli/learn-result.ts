import type { AffectedTask } from '../agent/learner-commit.js';
import type { Unreadable } from '../backbone/latents.js';
import type { CandidateMetrics } from '../learn/candidate.js';
import type { MemoryPlan } from '../learn/memory-plan.js';
import type { ReplayStats } from '../replay/stats.js';
import { bytes, percent } from './output.js';

/** What `lichen learn --json` prints. */
export interface LearnResult {
  task: string;
  /** What was asked for. */
  method: string;
  /** Other tasks of the same network, and their held-out accuracy before and after. */
  affected: AffectedTask[];
  /** What is kept for learning, for methods that keep it from task to task; null for others. */
  replay: Pick<ReplayStats, 'capBytes' | 'usedBytes' | 'reservedBytes' | 'samples'> | null;
  /** What the version is. */
  isolation: string;
  engine: string;
  classes: string[];
  trainSamples: number;
  heldOutSamples: number;
  heldOutAccuracy: number | null;
  instantAccuracy: number | null;
  promoted: boolean;
  reason: string;
  version: number;
  head: string;
  adapterBytes: number;
  backboneBytes: number;
  unreadable: Unreadable[];
  duplicates: number;
  conflicts: string[];
  seed: number;
  /** Epochs that were asked for, and that were run. */
  epochs: number;
  epochsRun: number;
  steps: number;
  /** Why training ended: all epochs were run, or the held-out samples' loss fell no more. */
  ended: CandidateMetrics['ended'];
  stepMilliseconds: number;
  seconds: number;
  /** The larger one of the two processes' peaks; they are not there at the same time. */
  peakRssBytes: number;
  /** Of the process that read the pictures and ended before training began, and of this one. */
  readerPeakRssBytes: number;
  trainingPeakRssBytes: number;
  /** How training was fitted under a cap; null without one. */
  memory: MemoryPlan | null;
}

const early = (ended: LearnResult['ended']): string =>
  ended === 'plateau' ? ' (the held-out loss fell no more)' : '';

/** The result for people. */
export function describe(r: LearnResult): string {
  const ratio = (r.backboneBytes / r.adapterBytes).toFixed(0);
  const { memory, replay } = r;
  const lines = [
    `Task '${r.task}', version ${r.version}: ${r.promoted ? 'promoted' : 'kept as a candidate'} (${r.reason})`,
    `  ${r.trainSamples} samples trained, ${r.heldOutSamples} held out, ${r.classes.length} classes`,
    `  accuracy on held-out samples: ${percent(r.heldOutAccuracy)}, instant answer ${percent(r.instantAccuracy)}`,
    `  adapter ${bytes(r.adapterBytes)}, 1/${ratio} of the backbone's ${bytes(r.backboneBytes)}`,
    `  ${r.steps} steps in ${r.epochsRun} of ${r.epochs} epochs${early(r.ended)}, ${r.seconds.toFixed(1)} s, peak memory ${bytes(r.peakRssBytes)}`,
  ];
  if (memory) {
    lines.push(
      `  training under ${bytes(memory.capBytes)}: ${memory.pieces} pieces of ${memory.micro} a batch, peak ${bytes(r.trainingPeakRssBytes)}`,
    );
  }
  for (const { task, before, after, heldOutSamples } of r.affected) {
    lines.push(
      `  '${task}': ${percent(before)} before, ${percent(after)} after, of ${heldOutSamples} held out`,
    );
  }
  if (replay) {
    const { capBytes, reservedBytes, samples } = replay;
    lines.push(
      `  kept for learning: ${bytes(reservedBytes)} by the method, ${samples} samples, under ${bytes(capBytes)}`,
    );
  }
  if (r.duplicates > 0) lines.push(`  ${r.duplicates} pictures were there twice and counted once`);
  for (const c of r.conflicts) lines.push(`  left out, since it lies in two class folders: ${c}`);
  for (const u of r.unreadable) lines.push(`  set aside: ${u.file}: ${u.reason}`);
  return lines.join('\n');
}
