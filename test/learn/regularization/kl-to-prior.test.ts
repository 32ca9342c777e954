import { describe, expect, it } from 'vitest';
import { lower } from '../../../src/autodiff/lower.js';
import { OrtEngine } from '../../../src/engine/ort.js';
import { KlToPrior } from '../../../src/learn/regularization/kl-to-prior.js';
import { LOG_VARIANCE } from '../../../src/learn/regularization/vcl-network.js';
import { HEAD } from '../../../src/learn/sequence/headed.js';
import type { Parameter } from '../../../src/learn/strategy.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { inline } from '../../../src/onnx/inline.js';
import { floats, sizeOf } from '../../../src/onnx/model.js';
import { Random } from '../../../src/random.js';
import { checkGradient } from '../../autodiff/numeric.js';

const pair = (name: string, dims: number[]): Parameter[] =>
  [name, name + LOG_VARIANCE].map((n) => ({
    ...{ name: n, dims, learningRate: 1 },
    initial: new Float32Array(sizeOf(dims)),
  }));
const parameters = [...pair('w', [3, 4]), ...pair(`${HEAD}.weight`, [4, 2]), ...pair(`${HEAD}.bias`, [4])];

function gaussian(seed: number): Map<string, Float32Array> {
  const random = new Random(seed);
  return new Map(
    parameters.map(({ name, initial }) => [
      name,
      initial.map(() => (name.endsWith(LOG_VARIANCE) ? -1.5 : 0) + 0.5 * random.normal()),
    ]),
  );
}

/** The divergence as the graph computes it. */
async function divergence(
  heads: boolean,
  q: Map<string, Float32Array>,
  p: Map<string, Float32Array>,
  samples: number,
  classes: number[],
) {
  const kl = new KlToPrior(heads);
  const b = new GraphBuilder();
  for (const { name, dims } of parameters) b.input(name, dims);
  b.output(kl.penalty(b, parameters)!);
  kl.setPrior(p, samples, new Set(classes));
  const program = await new OrtEngine().compile(lower(b.model()), { threads: 1 });
  try {
    const feeds = Object.fromEntries(
      parameters.map(({ name, dims }) => [name, { dims, data: q.get(name)! }]),
    );
    return (await program.run({ ...feeds, ...kl.inputs() }))[program.outputs[0]!]!.data[0]!;
  } finally {
    await program.close();
  }
}

/** log q(w) - log p(w), the mean over draws of w from q, of some of the weights. */
function bySampling(
  q: Map<string, Float32Array>,
  p: Map<string, Float32Array>,
  counts: (name: string, index: number) => boolean,
  draws: number,
): { mean: number; error: number } {
  const random = new Random(11);
  let [sum, squares] = [0, 0];
  const logDensity = (x: number, mean: number, logVariance: number) =>
    -0.5 * (Math.log(2 * Math.PI) + logVariance + (x - mean) ** 2 / Math.exp(logVariance));
  for (let d = 0; d < draws; d++) {
    let ratio = 0;
    for (const { name, initial } of parameters.filter((x) => !x.name.endsWith(LOG_VARIANCE))) {
      for (let i = 0; i < initial.length; i++) {
        if (!counts(name, i)) continue;
        const [qm, qv] = [q.get(name)![i]!, q.get(name + LOG_VARIANCE)![i]!];
        const x = qm + Math.exp(qv / 2) * random.normal();
        ratio += logDensity(x, qm, qv) - logDensity(x, p.get(name)![i]!, p.get(name + LOG_VARIANCE)![i]!);
      }
    }
    sum += ratio / draws;
    squares += ratio ** 2 / draws;
  }
  return { mean: sum, error: Math.sqrt((squares - sum ** 2) / draws) };
}

describe('the divergence from the prior', () => {
  const [q, p] = [gaussian(1), gaussian(2)];

  it('is what drawing weights estimates, divided by the samples', async () => {
    const { mean, error } = bySampling(q, p, () => true, 20_000);
    const found = 50 * (await divergence(false, q, p, 50, []));
    expect(Math.abs(found - mean)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(mean / 50);
  });

  it('is zero from itself', async () => {
    expect(Math.abs(await divergence(false, q, q, 1, []))).toBeLessThan(1e-4);
  });

  it('leaves out rows of heads that no task had yet', async () => {
    const rows: Record<string, number> = { [`${HEAD}.weight`]: 2, [`${HEAD}.bias`]: 1 };
    const counts = (name: string, i: number) =>
      rows[name] === undefined || [0, 3].includes(Math.floor(i / rows[name]));
    const { mean, error } = bySampling(q, p, counts, 20_000);
    expect(Math.abs((await divergence(true, q, p, 1, [0, 3])) - mean)).toBeLessThan(4 * error);
  });

  it('has the slope that differences give', async () => {
    await checkGradient({
      shapes: parameters.map((x) => [...x.dims]),
      low: -1,
      high: 1,
      build: (b, inputs) => {
        const kl = new KlToPrior(false);
        const inner = new GraphBuilder();
        for (const { name, dims } of parameters) inner.input(name, dims);
        const out = kl.penalty(inner, parameters)!;
        kl.setPrior(p, 1, new Set());
        const names = new Map(parameters.map((x, i) => [x.name, inputs[i]!]));
        for (const [name, { dims, data }] of Object.entries(kl.inputs())) {
          names.set(name, b.constant(floats(data, dims)));
        }
        return inline(b, inner.graph(), names).get(out)!;
      },
    });
  });
});
