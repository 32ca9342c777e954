import { parseArgs } from 'node:util';
import { openEngine } from '../../src/engine/choose.js';
import { ENGINES, type EngineChoice } from '../../src/engine/engine.js';
import { LichenError } from '../../src/errors.js';
import { train } from '../../src/learn/learner.js';
import { LEARNER_DEFAULTS } from '../../src/learn/learner-options.js';
import { NoRegularization } from '../../src/learn/regularization/none.js';
import type { Rehearsal } from '../../src/learn/strategy.js';
import { forgetPeak, residentBytes } from '../../src/process-memory.js';
import {
  COMPARED_STEPS,
  type Measured,
  messages,
  type Ready,
  type Request,
  STEPS_A_TURN,
  WARM_STEPS,
} from './protocol.js';
import { CLASSES, WORKS, type WorkName, workNamed } from './work.js';

/**
 * Entry of Lichen's side of a comparison: the product's own training loop, which stays warm and goes on for so many
 * steps whenever it is asked (see protocol.ts). A step is all that the loop does for one batch: decoding the
 * latents, the targets, the graph, the loss. A turn is an epoch, so that no run of steps goes beyond its end.
 */
const { values } = parseArgs({
  options: {
    work: { type: 'string', default: 'step' },
    batch: { type: 'string', default: '32' },
    threads: { type: 'string', default: '0' },
    /** Most steps that will be asked for. */
    steps: { type: 'string', default: '2000' },
    split: { type: 'string' },
    /** Parts of a batch, one after the other, and one step a run: what a cap of memory makes of a training. */
    pieces: { type: 'string', default: '1' },
    /** What computes; `tfjs` is TensorFlow.js on its native library. */
    engine: { type: 'string', default: 'ort' },
  },
});

/** Every batch of an epoch is the whole set, in its own order: all sides train on the same. */
const wholeSet: Rehearsal = {
  name: 'the whole set',
  epoch: (fresh) => Array.from({ length: STEPS_A_TURN }, () => [...fresh]),
};

const say = (message: Ready | Measured) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function main(): Promise<void> {
  const importedRssBytes = residentBytes('VmRSS');
  const begun = performance.now();
  const name = WORKS.find((w) => w === values.work) as WorkName;
  const batch = Number(values.batch);
  const threads = Number(values.threads) || undefined;
  const engine = openEngine(ENGINES.find((e) => e === values.engine) as EngineChoice);
  const work = await workNamed(engine, name, batch, values.split);
  const strategies = {
    isolation: work.isolation,
    regularization: new NoRegularization(),
    rehearsal: wholeSet,
  };
  const labels = work.latents.map((_, i) => i % CLASSES);
  const set = { latents: work.latents, labels, classes: CLASSES, fresh: labels.map((_, i) => i) };
  const epochs = Math.ceil((COMPARED_STEPS + WARM_STEPS + Number(values.steps)) / STEPS_A_TURN);
  const { headRate } = work;
  // The rates never decay.
  const pieces = Number(values.pieces);
  const lean = pieces > 1;
  const own = { epochs, batch, headRate, threads, pieces, lean };
  const options = { ...LEARNER_DEFAULTS, ...own, labelSmoothing: 0.1, decayAt: 1 };

  const next = messages<Request>(process.stdin);
  const end = new AbortController();
  const losses: number[] = [];
  let ms: number[] = [];
  let wanted = 0;
  let lifePeak = 0;
  const answer = async (): Promise<void> => {
    const workingPeakRssBytes = residentBytes('VmHWM');
    if (wanted > 0) say({ ms, peakRssBytes: Math.max(lifePeak, workingPeakRssBytes), workingPeakRssBytes });
    const request = await next();
    if (!request) return end.abort();
    ms = [];
    wanted = request.steps;
  };
  let started = performance.now();
  let sum = 0;
  const onProgress = async ({ step, loss }: { step: number; loss: number }) => {
    // The steps of one run are told together: the first has the time of all.
    ms.push(Math.round((performance.now() - started) * 1000) / 1000);
    const inEpoch = ((step - 1) % STEPS_A_TURN) + 1;
    if (inEpoch === 1) sum = 0;
    if (step <= COMPARED_STEPS) losses.push(inEpoch * loss - sum);
    sum = inEpoch * loss;
    if (step === COMPARED_STEPS + WARM_STEPS) {
      lifePeak = residentBytes('VmHWM');
      forgetPeak();
      const versions = {
        node: process.versions.node,
        [engine.name === 'ort' ? 'onnxruntime' : engine.name]: engine.version,
        threads: threads ?? 'auto',
      };
      const secondsToReady = Math.round((performance.now() - begun) / 100) / 10;
      say({
        ready: true,
        variant: engine.name !== 'ort' ? 'TensorFlow.js' : lean ? `lichen, ${pieces} pieces` : 'lichen',
        losses,
        versions,
        importedRssBytes,
        secondsToReady,
      });
      await answer();
    } else if (wanted > 0 && ms.length === wanted) await answer();
    started = performance.now();
  };
  const context = { crown: work.crown, earlier: [] };
  await train(engine, strategies, context, work.codec, set, options, onProgress, end.signal);
}

main().catch((error: unknown) => {
  // Whoever asked is done.
  if (error instanceof LichenError && error.code === 'learn-aborted') return;
  throw error;
});
