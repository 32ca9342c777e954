import { defaultManifest } from '../src/backbone/manifest.js';
import { OrtEngine } from '../src/engine/ort.js';
import { buildSteps, calibrate, type TrainableCut } from '../src/inspect/calibration.js';
import { cutsOf } from '../src/inspect/cuts.js';
import { secondsOf } from '../src/inspect/fit.js';
import { layersOf } from '../src/inspect/layers.js';
import { openNetwork } from '../src/inspect/network.js';
import { stepModel, type Timing, timeStep } from '../src/inspect/step.js';
import { median } from './statistics.js';

/** How `lichen inspect`'s estimate of a step compares with the step. */
export interface EstimateRow {
  tensor: string;
  batch: number;
  /** Milliseconds, one figure a round. */
  estimated: number[];
  /** Milliseconds of the fastest run, one figure a round. */
  measured: number[];
  /** Median over the rounds of estimated / measured. */
  ratio: number;
}

/**
 * Compares estimated with measured steps on the default backbone, for cuts from deep to shallow. Every round
 * calibrates anew and then measures every cut, so that both see the machine in the same state.
 * @param count cuts, spread evenly
 */
export async function measureEstimates(
  count: number,
  batch: number,
  rounds: number,
  timing: Timing,
  say: (text: string) => void,
): Promise<EstimateRow[]> {
  const engine = new OrtEngine();
  const network = openNetwork(defaultManifest());
  const { steps } = buildSteps(cutsOf(network, layersOf(network)), batch);
  const chosen = spread(
    steps.filter((s) => s.cut.mask.weights > 0),
    count,
  );
  const rows = chosen.map((s) => ({
    tensor: s.cut.tensor,
    batch,
    estimated: [] as number[],
    measured: [] as number[],
  }));
  for (let round = 1; round <= rounds; round++) {
    const calibration = await calibrate(
      engine,
      steps,
      (text) => say(`round ${round}: calibrating on ${text}`),
      timing,
    );
    for (const [i, step] of chosen.entries()) {
      say(`round ${round}: ${step.cut.tensor}`);
      const { fastest } = await timeStep(engine, stepModel(step.cut.start!, batch), 5, 1, timing);
      rows[i]!.estimated.push(tenths(1000 * secondsOf(step.work, calibration!.rates)));
      rows[i]!.measured.push(tenths(1000 * fastest));
    }
  }
  return rows.map((r) => ({
    ...r,
    ratio: Math.round(100 * median(r.estimated.map((e, i) => e / r.measured[i]!))) / 100,
  }));
}

/** `count` of them, the first and the last among these. */
function spread(steps: readonly TrainableCut[], count: number): TrainableCut[] {
  const at = (i: number) => Math.round((i * (steps.length - 1)) / Math.max(1, count - 1));
  return [...new Set(Array.from({ length: Math.min(count, steps.length) }, (_, i) => steps[at(i)]!))];
}

const tenths = (ms: number) => Math.round(10 * ms) / 10;
