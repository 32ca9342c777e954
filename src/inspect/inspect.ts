import type { Engine } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { buildSteps, type Calibration, calibrate, type TrainableCut } from './calibration.js';
import { type Cut, cutsOf, type Part } from './cuts.js';
import { secondsOf } from './fit.js';
import { type Layer, type Layers, layersOf } from './layers.js';
import { type Network, openNetwork } from './network.js';
import { lookedAt, placesOf } from './places.js';
import type { CutFigures, Inspection, LayerFigures } from './result.js';
import { suggestCut } from './suggest.js';

export interface InspectOptions {
  /** The cut to look at; without it the manifest's, or a suggestion. */
  cut?: string;
  /** Samples a step. */
  batch: number;
  /** Sizes of the input, batch first, where the file leaves them open. */
  inputShape?: readonly number[];
  /** Whether to measure what steps take on this machine. */
  calibrate: boolean;
}

/** Runs one phase of the work and shows that it runs. */
export type Phase = <T>(title: string, work: (say: (text: string) => void) => Promise<T>) => Promise<T>;

/**
 * Looks at a network: its layers, where it can be cut, and what each cut would mean.
 * @param file an ONNX file or a manifest
 * @throws LichenError as `openNetwork` does; `cut-impossible` where nothing can be cut, or not there
 */
export async function inspect(
  engine: Engine,
  file: string,
  options: InspectOptions,
  phase: Phase,
): Promise<Inspection> {
  const { network, layers, places, cuts, chosen } = await phase(`Reading ${file}`, async () =>
    read(file, options),
  );
  const { steps, refused } = await phase(`Building the step of ${cuts.length} cuts`, async (say) =>
    buildSteps(cuts, options.batch, (done) => say(`${done} of ${cuts.length}`)),
  );
  const calibration = options.calibrate
    ? await phase('Measuring steps on this machine', (say) => calibrate(engine, steps, say))
    : null;
  const figures = cuts.map((cut) => cutFigures(cut, steps, refused, calibration));
  const suggested = chosen ? null : suggestCut(figures);
  const by = options.cut === undefined ? 'manifest' : 'option';
  return {
    file,
    backbone: network.manifest,
    opset: network.opset,
    input: { name: network.input, shape: network.inputShape },
    features: { name: network.features, shape: known(layers, network.features) },
    otherOutputs: network.otherOutputs,
    total: partFigures(totalOf(layers)),
    layers: layers.layers.map(layerFigures),
    places: places.length,
    cuts: figures,
    cut: chosen ?? suggested,
    cutBy: chosen ? by : suggested === null ? null : 'suggestion',
    batch: options.batch,
    calibration: calibration && calibrationFigures(calibration, `${engine.name} ${engine.version}`),
  };
}

function read(file: string, { cut, inputShape }: InspectOptions) {
  const network = openNetwork(file, inputShape);
  const places = placesOf(network);
  if (places.length === 0) {
    throw new LichenError(
      'cut-impossible',
      `${file} cannot be cut: at no place between '${network.input}' and '${network.features}' does all that follows ` +
        'depend on one tensor alone, so there is no trunk to freeze and no crown to adapt',
    );
  }
  const chosen = cutOf(network, places, cut ?? network.split);
  const layers = layersOf(network);
  const cuts = cutsOf(network, layers, lookedAt(places, layers.layers.length, chosen));
  return { network, layers, places, cuts, chosen };
}

/** The wanted cut's tensor, checked; null where none is wanted. */
function cutOf({ raw }: Network, places: readonly string[], wanted: string | null): string | null {
  if (wanted === null || places.includes(wanted)) return wanted;
  const exists = raw.graph.nodes.some((n) => n.outputs.includes(wanted));
  const why = exists
    ? 'more than one tensor passes there, or it is folded into the layer before'
    : `the network has no tensor '${wanted}'`;
  throw new LichenError(
    'cut-impossible',
    `cannot cut at '${wanted}': ${why}. Possible: ${places.join(', ')}`,
  );
}

function totalOf({ layers }: Layers): Part {
  const unknown = layers.some((l) => l.multiplyAdds === null);
  return {
    layers: layers.length,
    weights: layers.reduce((sum, l) => sum + l.weights, 0),
    multiplyAdds: unknown ? null : layers.reduce((sum, l) => sum + (l.multiplyAdds ?? 0), 0),
  };
}

const flops = (multiplyAdds: number | null) => (multiplyAdds === null ? null : 2 * multiplyAdds);
const partFigures = (part: Part) => ({ ...part, flops: flops(part.multiplyAdds) });
const known = ({ shapes }: Layers, name: string) => {
  const shape = shapes.shapes.get(name);
  return shape ? [...shape] : null;
};

function layerFigures(l: Layer): LayerFigures {
  return {
    op: l.node.op,
    node: l.node.name,
    output: l.node.outputs[0]!,
    shape: l.shape && [...l.shape],
    weights: l.weights,
    multiplyAdds: l.multiplyAdds,
    flops: flops(l.multiplyAdds),
    unknown: l.unknown,
    blocks: l.blocks,
  };
}

function cutFigures(
  cut: Cut,
  steps: readonly TrainableCut[],
  refused: ReadonlyMap<Cut, string>,
  calibration: Calibration | null,
): CutFigures {
  const step = steps.find((s) => s.cut === cut);
  return {
    tensor: cut.tensor,
    after: cut.after,
    latent: cut.latent && { ...cut.latent, shape: [...cut.latent.shape] },
    trunk: partFigures(cut.trunk),
    crown: partFigures(cut.crown),
    mask: cut.mask,
    trainable: step !== undefined,
    obstacle: refused.get(cut) ?? null,
    blocking: cut.blocking.map(({ node, blocks }) => ({
      op: node.op,
      node: node.name,
      output: node.outputs[0]!,
      reason: blocks!,
    })),
    stepSeconds: step && calibration ? secondsOf(step.work, calibration.rates) : null,
  };
}

function calibrationFigures(c: Calibration, engine: string): Inspection['calibration'] {
  return {
    engine,
    seconds: c.seconds,
    steps: c.anchors.map((a) => ({
      tensor: a.tensor,
      batch: a.batch,
      runs: a.runs,
      seconds: a.seconds,
      medianSeconds: a.median,
      estimate: a.estimate,
    })),
    disturbed: Math.max(...c.anchors.map((a) => a.median / a.seconds)),
    rates: c.rates,
  };
}
