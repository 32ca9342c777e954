import { describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { affordable, buildSteps, calibrate } from '../../src/inspect/calibration.js';
import { cutsOf } from '../../src/inspect/cuts.js';
import { secondsOf } from '../../src/inspect/fit.js';
import { layersOf } from '../../src/inspect/layers.js';
import { openNetwork } from '../../src/inspect/network.js';
import { workOf } from '../../src/inspect/work.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { int, ints, type Model } from '../../src/onnx/model.js';
import { chain, weight, withInput, written } from './networks.js';

const engine = new OrtEngine();
const cutsIn = (name: string, model: Model) => {
  const network = openNetwork(written(name, model));
  return cutsOf(network, layersOf(network));
};

describe('work', () => {
  it('is counted by kind, and what renames positions is free', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [2, 4, 3, 3]);
    const conv = b.op('Conv', [x, weight(b, [4, 1, 3, 3])], { group: int(4), pads: ints([1, 1, 1, 1]) });
    const turned = b.op('Transpose', [conv], { perm: ints([0, 2, 3, 1]) });
    const rows = b.op('Reshape', [turned, b.ints(18, 4)]);
    b.op('Relu', [b.op('Gemm', [rows, weight(b, [4, 5])])], {}, 'y');
    b.output('y');
    expect(workOf(b.graph())).toEqual({
      nodes: 5,
      grouped: 72 * 9,
      transposed: 4 * (72 + 72),
      dense: 18 * 4 * 5,
      moved: 4 * (90 + 90),
    });
  });

  it('grows with the batch and with the depth of the crown', () => {
    const cuts = cutsIn('grows.onnx', chain());
    const [small, large] = [2, 8].map((batch) => buildSteps(cuts, batch).steps);
    for (const [i, s] of large!.entries()) expect(s.work.moved).toBeGreaterThan(small![i]!.work.moved);
    const nodes = large!.map((s) => s.work.nodes);
    expect(nodes).toEqual([...nodes].sort((a, b) => b - a));
  });
});

describe('calibration', () => {
  it('runs real steps and finds times for all', async () => {
    // Behind the first layers, so that the crowns' steps differ: depthwise layers are not trained.
    const middle = (b: GraphBuilder, x: string) =>
      b.op('Conv', [x, weight(b, [4, 4, 3, 3])], { pads: ints([1, 1, 1, 1]) }, 'middle');
    const { steps } = buildSteps(cutsIn('real.onnx', chain(middle)), 4);
    const said: string[] = [];
    const found = (await calibrate(engine, steps, (text) => said.push(text)))!;
    expect(found.anchors.length).toBeGreaterThanOrEqual(2);
    expect(said).toEqual(found.anchors.map((a) => `${a.tensor}, batch ${a.batch}`));
    expect(new Set(said).size).toBe(said.length);
    for (const a of found.anchors) {
      expect(a.seconds).toBeGreaterThan(0);
      expect(a.median).toBeGreaterThanOrEqual(a.seconds);
      expect(a.runs).toBeGreaterThanOrEqual(4);
      expect(a.estimate).toBe(secondsOf(a.work, found.rates));
    }
    const estimates = steps.map((s) => secondsOf(s.work, found.rates));
    expect(estimates.every((s) => s > 0)).toBe(true);
    expect(estimates).toEqual([...estimates].sort((a, b) => b - a));
  });

  it('measures at a smaller batch what would take too long', () => {
    const { steps } = buildSteps(cutsIn('wide.onnx', withInput(chain(), ['N', 3, 512, 512])), 256);
    const deepest = steps[0]!;
    expect(deepest.work.moved).toBeGreaterThan(1e9);
    const { batch, work } = affordable(deepest);
    expect(batch).toBeLessThan(256);
    expect(work.moved).toBeLessThan(1e9);
    const [little] = buildSteps(cutsIn('little.onnx', chain()), 256).steps;
    expect(affordable(little!)).toMatchObject({ batch: 256, work: little!.work });
  });

  it('has nothing to say where nothing can be trained', async () => {
    expect(await calibrate(engine, [])).toBeNull();
  });
});
