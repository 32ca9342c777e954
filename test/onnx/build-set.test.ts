import { describe, expect, it } from 'vitest';
import { toBuildSet } from '../../src/onnx/build-set.js';
import { node } from '../../src/onnx/model.js';
import { tinyModel } from '../backbone/tiny-backbone.js';
import { expectNear, outputOf } from './expect-same.js';
import { drawer, oneToOne } from './models.js';
import { cases, one } from './operators.js';
import { quantized } from './quantize.js';

describe('a whole model means the same in the build set', () => {
  const all = cases.flatMap((c) =>
    [c.opsets[0]!, c.opsets.at(-1)!].map((opset) => ({ ...c, opset, name: `${c.what}, set ${opset}` })),
  );

  it.each(all)('$name', async ({ opset, nodes, constants = {}, dims = [2, 4, 5, 5] }) => {
    const model = oneToOne(nodes(opset), constants, opset, ['N', ...dims.slice(1)]);
    const written = toBuildSet(model);
    expect(written.opset).toBe(17);
    const x = drawer(9)(dims);
    expectNear(await outputOf(written, x), await outputOf(model, x));
  });

  it('with quantizing operators and those of other domains as they are', () => {
    const tiny = tinyModel();
    const names = ['image', ...tiny.graph.nodes.flatMap((n) => n.outputs)];
    const ranges = new Map(names.map((name) => [name, [-1, 2] as [number, number]]));
    for (const domain of ['', 'com.microsoft']) {
      const model = { ...quantized(tiny, ranges, domain), opset: 13 };
      expect(toBuildSet(model).graph.nodes).toEqual(model.graph.nodes);
      expect(toBuildSet(model).domains).toEqual(model.domains);
    }
  });

  it('or is refused', () => {
    const model = oneToOne([one('GridSample', ['g'])], { g: drawer(1)([2, 3, 3, 2]) }, 20, ['N', 4, 5, 5]);
    expect(() => toBuildSet(model)).toThrow(
      /'y' \(GridSample\): it may mean something else in operator set 17 than in 20/,
    );
  });

  it('which is itself when it is written in it', () => {
    const model = oneToOne([node('Anything', ['x'], ['y'])], {}, 17, ['N']);
    expect(toBuildSet(model)).toBe(model);
  });
});
