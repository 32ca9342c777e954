import { availableParallelism } from 'node:os';
import { OrtEngine } from '../src/engine/ort.js';
import { LEARNER_DEFAULTS } from '../src/learn/learner-options.js';
import { sizeOf } from '../src/onnx/model.js';
import { Random } from '../src/random.js';
import { sideResult } from './speed/comparison.js';
import { STEPS_A_TURN } from './speed/protocol.js';
import { startLichen } from './speed/steps.js';
import { inTurns } from './speed/turns.js';
import { workNamed } from './speed/work.js';

export const SCALING_PARTS = ['batch', 'crown', 'threads'] as const;
export type ScalingPart = (typeof SCALING_PARTS)[number];

const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128];
/** Six cuts of the default backbone, from the thinnest crown to the thickest. */
const CUTS = [
  'block14.add',
  'block13.add',
  'block12.add',
  'block11.project',
  'block10.add',
  'block8.project',
] as const;
const MOST_THREADS = 4;

/** One setting of a Piggyback step and what it costs. */
export interface ScalingPoint {
  label: string;
  batch: number;
  split: string;
  threads: number;
  /** Numbers that the step trains: masks, scales, biases, head. */
  parameters: number;
  medianMs: number;
  lowestMs: number;
  peakRssBytes: number;
  workingPeakRssBytes: number;
}

export type ScalingResult = Partial<Record<ScalingPart, ScalingPoint[]>>;

type Setting = Pick<ScalingPoint, 'label' | 'batch' | 'split' | 'threads'>;

/** Measures the product's own training step, each point in a process of its own. */
export async function measureScaling(
  parts: readonly ScalingPart[],
  rounds: number,
  say: (text: string) => void,
): Promise<ScalingResult> {
  const result: ScalingResult = {};
  for (const part of SCALING_PARTS.filter((p) => parts.includes(p))) {
    const points: ScalingPoint[] = [];
    for (const setting of settingsOf(part, availableParallelism())) {
      say(`${part}: ${setting.label}`);
      points.push(await measurePoint(setting, rounds));
    }
    result[part] = points;
  }
  return result;
}

/** The settings of one part; all but what is varied stays at the product's defaults. */
export function settingsOf(part: ScalingPart, cores: number): Setting[] {
  const usual = { batch: LEARNER_DEFAULTS.batch, split: CUTS[0], threads: cores };
  if (part === 'batch') return BATCHES.map((batch) => ({ ...usual, label: String(batch), batch }));
  if (part === 'crown') return CUTS.map((split) => ({ ...usual, label: split, split }));
  const counts = Array.from({ length: Math.min(MOST_THREADS, cores) }, (_, i) => i + 1);
  return counts.map((threads) => ({ ...usual, label: String(threads), threads }));
}

async function measurePoint(setting: Setting, rounds: number): Promise<ScalingPoint> {
  const { batch, split, threads } = setting;
  const numbers = { batch, threads, steps: rounds * STEPS_A_TURN };
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const process = await startLichen(['--work', 'step', '--split', split, ...args]);
  try {
    const [turns] = await inTurns([() => process.run(STEPS_A_TURN)], rounds);
    const { medianMs, lowestMs, peakRssBytes, workingPeakRssBytes } = sideResult(process.ready, turns!);
    const parameters = await trainedNumbers(split);
    return { ...setting, parameters, medianMs, lowestMs, peakRssBytes, workingPeakRssBytes };
  } finally {
    await process.close();
  }
}

async function trainedNumbers(split: string): Promise<number> {
  const { crown, isolation } = await workNamed(new OrtEngine(), 'step', 1, split);
  const { parameters } = isolation.network({ crown, earlier: [] }, 1, new Random(0));
  return parameters.reduce((sum, p) => sum + sizeOf(p.dims), 0);
}
