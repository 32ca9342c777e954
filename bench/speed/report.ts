import { bytes, table } from '../../src/cli/output.js';
import type { SpeedResult } from '../speed.js';
import type { StepComparison } from './comparison.js';
import type { JobComparison } from './jobs.js';

const NAMES = {
  step: 'a  Piggyback step',
  convnet: 'c  four convolutions',
  mobilenet: "d  MobileNetV2's top",
};

/** A comparison as tables for people: every side, and the ratios of medians. */
export function speedReport(r: SpeedResult): string {
  const steps = [...(r.a ?? []), ...(r.c ? [r.c] : []), ...(r.d ? [r.d] : [])];
  const parts: string[] = [];
  if (steps.length > 0) parts.push(stepsTable(steps));
  if (r.b) parts.push(jobTable(r.b));
  if (!r.withPeer) {
    parts.push('PyTorch was not measured: name a Python that has it with --python or LICHEN_BENCH_PYTHON.');
  }
  return parts.join('\n\n');
}

const peerName = (variant: string) => (variant === 'TensorFlow.js' ? variant : `PyTorch, ${variant}`);

function stepsTable(steps: readonly StepComparison[]): string {
  const header = [
    'steps',
    'batch',
    'side',
    'median ms',
    'lowest',
    'peak',
    'warm peak',
    'Lichen is',
    'versions',
  ];
  const rows = steps.flatMap((s) =>
    [s.lichen, ...(s.inPieces ? [s.inPieces] : []), ...s.peers].map((side, i) => [
      NAMES[s.work as keyof typeof NAMES],
      s.batch,
      side === s.lichen ? 'Lichen' : side === s.inPieces ? side.variant : peerName(side.variant),
      side.medianMs.toFixed(1),
      side.lowestMs.toFixed(1),
      bytes(side.peakRssBytes),
      bytes(side.workingPeakRssBytes),
      i === 0 ? '' : `${(s.lichen.medianMs / side.medianMs).toFixed(2)} x the time`,
      versionsOf(side.versions),
    ]),
  );
  const notes = steps.flatMap((s) => [
    ...(s.ratio === null
      ? []
      : [
          `${NAMES[s.work as keyof typeof NAMES]}, batch ${s.batch}: ${s.ratio.toFixed(2)} times the fastest other's time ` +
            `(${peerName(s.peers[0]!.variant)}; ${s.pairedRatio!.toFixed(2)} round by round), ${s.memoryRatio!.toFixed(2)} times ` +
            `its peak memory; losses differ by at most ${s.lossDifference}`,
        ]),
    ...s.failed.map((f) => `${peerName(f.variant)} could not run: ${f.reason}`),
  ]);
  return [table(header, rows), ...notes].join('\n');
}

function jobTable(job: JobComparison): string {
  const header = ['whole job', 'median s', 'all', 'peak', 'held-out accuracy'];
  const own = [job.lichen, ...job.lichenShorter];
  const rows = [...own, ...job.peers].map((side, i) => [
    i < own.length ? side.variant : `PyTorch, ${side.variant}`,
    side.medianSeconds.toFixed(1),
    side.runs.map((r) => r.seconds.toFixed(1)).join(' '),
    bytes(side.peakRssBytes),
    side.runs.map((r) => r.heldOutAccuracy?.toFixed(3) ?? '-').join(' '),
  ]);
  const lines = [`${job.pictures} pictures, ${job.epochs} epochs`, table(header, rows)];
  if (job.timesFaster !== null) {
    lines.push(
      `Lichen is ${job.timesFaster.toFixed(2)} times faster than PyTorch's best (${job.peers[0]!.variant})` +
        (job.timesFasterThanPlain === null
          ? ''
          : `, ${job.timesFasterThanPlain.toFixed(2)} times faster than without kept latents`) +
        job.lichenShorter
          .map((s, i) => `; ${s.variant}: ${job.timesFasterShorter[i]!.toFixed(2)} times`)
          .join(''),
    );
  }
  return lines.join('\n');
}

function versionsOf(versions: Record<string, string | number>): string {
  return Object.entries(versions)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
