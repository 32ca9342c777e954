import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../../src/engine/ort.js';
import type { AdapterTensors } from '../../../src/learn/adapter.js';
import { deployModel } from '../../../src/learn/deploy.js';
import { Pnn } from '../../../src/learn/isolation/pnn.js';
import { TaskNetwork } from '../../../src/learn/network.js';
import type { IsolationContext } from '../../../src/learn/strategy.js';
import { Random } from '../../../src/random.js';
import { CODEC, patternSamples, smallCrown } from '../small-crown.js';

const engine = new OrtEngine();
const crown = smallCrown();
const pnn = new Pnn({ width: 0.5 });
const { latents } = patternSamples(6, 2, 3);

function column(context: IsolationContext, seed: number): AdapterTensors {
  const { parameters } = pnn.network(context, 1, new Random(seed));
  return pnn.freeze(context, new Map(parameters.map((p) => [p.name, p.initial])));
}

async function features(context: IsolationContext, tensors: AdapterTensors) {
  const network = await TaskNetwork.open(engine, deployModel(pnn, context, { tensors }), CODEC);
  const rows = (await network.describe(latents)).features;
  await network.close();
  return rows;
}

describe('PNN', () => {
  const first = { crown, earlier: [] };
  const one = column(first, 1);
  const second = { crown, earlier: [one] };
  const two = column(second, 2);

  it('grows a thin column with laterals from the crown and from every earlier column', () => {
    const names = [...two.keys()];
    expect(one.get('head.column')!.dims).toEqual([24, 8, 1, 1]);
    expect(names).toContain('head.lateral0.down');
    expect(names).toContain('head.lateral1.up');
    expect([...one.keys()].some((n) => n.includes('lateral1'))).toBe(false);
    // The first layer reads the latent itself, which all columns share.
    expect(names.some((n) => n.startsWith('expand.lateral'))).toBe(false);
  });

  it('joins the column’s features and the crown’s', async () => {
    expect((await features(first, one)).width).toBe(24 + 48);
  });

  it('uses every lateral: silencing one changes the answer', async () => {
    const before = (await features(second, two)).data;
    for (const name of ['head.lateral0.up', 'head.lateral1.up', 'project.lateral1.up']) {
      const silenced = new Map(two);
      const stored = two.get(name)!;
      silenced.set(name, { ...stored, data: new Float32Array(stored.data.length) });
      expect((await features(second, silenced)).data, name).not.toEqual(before);
    }
  });

  it('never touches an earlier column: its answers stay the same bits', async () => {
    const alone = await features(first, one);
    await features(second, two);
    expect(await features(first, one)).toEqual(alone);
  });

  it('refuses a column that was made beside others', async () => {
    await expect(features(first, two)).resolves.toBeDefined();
    await expect(features(second, one)).rejects.toThrow(/no tensor '.*lateral1/);
  });
});
