import type { CandidateMetrics } from '../learn/candidate.js';
import type { IsolationContext, Strategies } from '../learn/strategy.js';
import { Random } from '../random.js';
import type { Isolation } from '../store/tasks.js';
import { prepare, type Room, type Trained, trainPrepared } from './isolation-training.js';

/** `isolation: auto`: a mask first, and a column beside the crown only where the mask does not do. */
export interface Growth {
  /** By how much of held-out accuracy a mask must beat the instant answer, from 0 to 1. */
  margin: number;
  /** What a column may take; bytes. */
  columnBytes: number;
}

export const GROWTH_DEFAULTS: Growth = { margin: 0.01, columnBytes: 2 * 2 ** 20 };

/** Trains a column where the mask is not good enough and the column not too large; says why or why not. */
export async function growWhereNeeded(
  room: Room,
  { margin, columnBytes }: Growth,
  mask: Trained,
  instant: CandidateMetrics,
): Promise<{ better: Trained; reason: string }> {
  const { candidate } = mask;
  const [masked, atOnce] = [candidate.metrics.heldOutAccuracy, instant.heldOutAccuracy];
  const keep = (reason: string) => ({ better: mask, reason });
  if (masked === null || atOnce === null) return keep('a mask, since nothing was held out to compare by');
  // The instant answer cannot be beaten by more than it lacks.
  const asked = Math.min(margin, 1 - atOnce);
  const points = (100 * (masked - atOnce)).toFixed(1);
  if (masked - atOnce >= asked) return keep(`a mask is enough, ${points} points above the instant answer`);
  const prepared = await prepare(room, 'pnn');
  const context = { crown: room.data.backbone.crown, earlier: prepared.earlier };
  const bytes = storedBytes(prepared.strategies.isolation, context);
  if (bytes > columnBytes) {
    return keep(`a column would take ${bytes} bytes, and ${columnBytes} are allowed`);
  }
  const column = { ...prepared, candidate: await trainPrepared(room, prepared) };
  const share = (v: number) => `${(100 * v).toFixed(1)} %`;
  const reached = column.candidate.metrics.heldOutAccuracy!;
  const both = `mask ${share(masked)}, column ${share(reached)}`;
  return reached > masked
    ? { better: column, reason: `a column was grown: ${both}` }
    : keep(`a column is no better: ${both}`);
}

/** Bytes of an isolation's adapter, in half precision, before it is compressed. */
function storedBytes(isolation: Strategies['isolation'], context: IsolationContext): number {
  const { parameters } = isolation.network(context, 1, new Random(0));
  return parameters.reduce((sum, p) => sum + 2 * p.initial.length, 0);
}

/** What a task begins with, by its setting. */
export const firstIsolation = (setting: Isolation | 'auto'): Isolation =>
  setting === 'auto' ? 'piggyback' : setting;
