import type { StepComparison } from './speed/comparison.js';
import { compareJobs, type JobComparison } from './speed/jobs.js';
import { compareSteps } from './speed/steps.js';

/** What is compared, by the letters that docs/benchmarks.md uses. */
export const SPEED_PARTS = ['a', 'b', 'c', 'd'] as const;
export type SpeedPart = (typeof SPEED_PARTS)[number];

/** Samples of a step, and the pieces of it by which a training stays below 200 MB. */
const STEPS = [
  [32, 4],
  [16, 2],
] as const;

export interface SpeedOptions {
  parts: readonly SpeedPart[];
  /** Turns of each side; each turn is five steps. */
  rounds: number;
  /** Whole jobs of each side. */
  jobs: number;
  threads: number;
  /** Interpreter that has PyTorch; without it only Lichen is measured. */
  python?: string;
  /** Part of a form's name; only those forms of the peer's steps. */
  variants?: string;
  /** Whether TensorFlow.js is a peer, too, where its native library loads. */
  tfjs?: boolean;
  /** Folder with the sets of photographs. */
  folder: string;
  perClass: number;
  epochs: number;
}

export interface SpeedResult {
  threads: number;
  /** Whether PyTorch was there; without it every ratio is null. */
  withPeer: boolean;
  /** A Piggyback step on the default crown, with 32 samples and with the product's own 16. */
  a?: StepComparison[];
  /** The whole of `lichen learn`. */
  b?: JobComparison;
  /** A network of four convolutions on 32 x 32 x 3. */
  c?: StepComparison;
  /** MobileNetV2's last four blocks. */
  d?: StepComparison;
}

/** Trains the same on both sides, in turns, each in processes of its own. */
export async function measureSpeed(o: SpeedOptions, say: (text: string) => void): Promise<SpeedResult> {
  const result: SpeedResult = { threads: o.threads, withPeer: o.python !== undefined };
  const has = (part: SpeedPart) => o.parts.includes(part);
  if (has('a')) {
    result.a = [];
    for (const [batch, pieces] of STEPS) {
      result.a.push(await compareSteps({ ...o, work: 'step', batch, pieces }, say));
    }
  }
  if (has('c')) result.c = await compareSteps({ ...o, work: 'convnet', batch: 32 }, say);
  if (has('d')) result.d = await compareSteps({ ...o, work: 'mobilenet', batch: 32 }, say);
  if (has('b')) result.b = await compareJobs({ ...o, rounds: o.jobs }, say);
  return result;
}
