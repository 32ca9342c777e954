import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/backbone/manifest.js';
import { LichenError, messageOf } from '../../src/errors.js';
import { LEAN_ALLOCATOR } from '../../src/process-memory.js';
import { comparison, type StepComparison, sideResult } from './comparison.js';
import { Contestant } from './contestant.js';
import { STEPS_A_TURN } from './protocol.js';
import { inTurns } from './turns.js';
import type { WorkName } from './work.js';

const exec = promisify(execFile);

const SCRIPTS: Record<WorkName, string> = {
  step: 'torch_step.py',
  convnet: 'torch_convnet.py',
  mobilenet: 'torch_mobilenet.py',
};

export interface StepsOptions {
  work: WorkName;
  batch: number;
  rounds: number;
  threads: number;
  /** Interpreter that has PyTorch; without it only Lichen is measured. */
  python?: string;
  /** Whether the same graphs run on TensorFlow.js, too, where its native library loads. */
  tfjs?: boolean;
  /** Part of a form's name; only those forms of the peer that have it. */
  variants?: string;
  /** Parts of a batch; with more than one Lichen takes part twice, as it trains under a cap of memory, too. */
  pieces?: number;
}

/** Trains the same steps on both sides in turns: Lichen, then every form of the peer, and again. */
export async function compareSteps(o: StepsOptions, say: (text: string) => void): Promise<StepComparison> {
  const numbers = ['--batch', String(o.batch), '--threads', String(o.threads)];
  const sides: Contestant[] = [];
  const own = ['--work', o.work, ...numbers, '--steps', String(o.rounds * STEPS_A_TURN)];
  const lean = (o.pieces ?? 1) > 1;
  const failed: StepComparison['failed'] = [];
  try {
    say(`${o.work}, batch ${o.batch}: Lichen gets ready`);
    sides.push(await startLichen(own));
    if (lean) {
      say(`${o.work}, batch ${o.batch}: Lichen gets ready, in ${o.pieces} pieces`);
      sides.push(await startLichen([...own, '--pieces', String(o.pieces)], LEAN_ALLOCATOR));
    }
    for (const variant of o.python ? await variantsOf(o.python, o.work, o.variants) : []) {
      say(`${o.work}, batch ${o.batch}: PyTorch gets ready (${variant})`);
      const args = [peerFile(SCRIPTS[o.work]), '--serve', '--variant', variant, ...numbers];
      try {
        sides.push(await Contestant.start(o.python!, args));
      } catch (error) {
        failed.push({ variant, reason: messageOf(error) });
      }
    }
    if (o.tfjs) {
      say(`${o.work}, batch ${o.batch}: TensorFlow.js gets ready`);
      try {
        sides.push(await startLichen([...own, '--engine', 'tfjs']));
      } catch (error) {
        failed.push({ variant: 'TensorFlow.js', reason: messageOf(error) });
      }
    }
    let turn = 0;
    const turns = sides.map((side) => () => {
      say(`${o.work}, batch ${o.batch}: turn ${++turn}/${o.rounds * sides.length}, ${side.ready.variant}`);
      return side.run(STEPS_A_TURN);
    });
    const measured = await inTurns(turns, o.rounds);
    const [lichen, ...others] = sides.map((side, i) => sideResult(side.ready, measured[i]!));
    const inPieces = lean ? others.shift()! : null;
    return comparison(o.work, o.batch, lichen!, others, failed, inPieces);
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

/** Starts Lichen's side: lichen-steps.ts, as it was built. */
export function startLichen(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Contestant> {
  const program = fileURLToPath(new URL('lichen-steps.js', import.meta.url));
  return Contestant.start(process.execPath, [program, ...args], env);
}

/** A Python file of this folder; the build leaves it where it is. */
export function peerFile(name: string): string {
  return join(packageRoot(), 'bench', 'speed', name);
}

/** @throws LichenError `bench-python` when the interpreter does not start or lacks a package */
async function variantsOf(python: string, work: WorkName, part = ''): Promise<string[]> {
  try {
    const { stdout } = await exec(python, [peerFile(SCRIPTS[work]), '--list']);
    return (JSON.parse(stdout) as string[]).filter((v) => v.includes(part));
  } catch (error) {
    throw new LichenError(
      'bench-python',
      `'${python}' cannot run the PyTorch side; it needs torch, numpy, onnx and pillow: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
