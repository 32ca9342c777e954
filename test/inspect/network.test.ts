import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openNetwork } from '../../src/inspect/network.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { encodeModel } from '../../src/onnx/write.js';
import { tinyManifest, tinyModel, writeTiny } from '../backbone/tiny-backbone.js';
import { encodeExternal } from '../onnx/models.js';
import { chain, fileOf, withInput, written } from './networks.js';

describe('opening a network', () => {
  it('takes one sample, whatever the batch is called', () => {
    for (const [i, batch] of ['N', null, 16].entries()) {
      const file = written(`batch${i}.onnx`, withInput(chain(), [batch, 3, 8, 8]));
      expect(openNetwork(file).inputShape).toEqual([1, 3, 8, 8]);
    }
  });

  it('asks for sizes that the file leaves open, and takes them', () => {
    const open = written('open.onnx', withInput(chain(), ['N', 3, 'H', null]));
    expect(() => openNetwork(open)).toThrow(/input 'image' of .* has \[N, 3, H, \?\].*--input 1,3,224,224/);
    expect(openNetwork(open, [1, 3, 16, 24]).inputShape).toEqual([1, 3, 16, 24]);
    const shapeless = written('shapeless.onnx', withInput(chain(), undefined));
    expect(() => openNetwork(shapeless)).toThrow(/has no shape.*--input/);
    expect(openNetwork(shapeless, [1, 3, 8, 8]).inputShape).toEqual([1, 3, 8, 8]);
  });

  it('refuses sizes that are not those of the file, and more than one sample', () => {
    const file = written('fixed.onnx', withInput(chain(), ['N', 3, 8, 8]));
    expect(() => openNetwork(file, [1, 3, 8, 9])).toThrow(/has \[N, 3, 8, 8\].*\[1, 3, 8, 9\] does not fit/);
    expect(() => openNetwork(file, [1, 3, 8])).toThrow(/does not fit/);
    expect(() => openNetwork(file, [2, 3, 8, 8])).toThrow(/one sample/);
  });

  it('refuses several inputs and none by name', () => {
    const b = new GraphBuilder();
    b.op('Add', [b.input('left', [1, 3]), b.input('right', [1, 3])], {}, 'sum');
    b.output('sum');
    expect(() => openNetwork(written('two.onnx', b.model()))).toThrow(
      /two.onnx has 2 inputs \(left, right\)/,
    );
    const constant = chain();
    const none = { ...constant, graph: { ...constant.graph, inputs: [], nodes: [] } };
    none.graph.initializers.set('features', none.graph.initializers.values().next().value!);
    expect(() => openNetwork(written('none.onnx', none))).toThrow(/has 0 inputs/);
  });

  it('says what is no ONNX file, what is truncated, and what is not there', () => {
    const whole = encodeModel(chain());
    expect(() => openNetwork(fileOf('text.onnx', 'no network at all'))).toThrow(
      /text.onnx is not a usable ONNX/,
    );
    expect(() => openNetwork(fileOf('empty.onnx', ''))).toThrow(/empty.onnx is not a usable ONNX/);
    expect(() => openNetwork(fileOf('half.onnx', whole.subarray(0, whole.length / 2)))).toThrow(/truncated/);
    expect(() => openNetwork('/nowhere/at-all.onnx')).toThrow(/cannot read the ONNX model \/nowhere/);
    expect(() => openNetwork('/nowhere/at-all.json')).toThrow(/cannot read/);
    expect(() => openNetwork(fileOf('other.json', '{}'))).toThrow(/not a usable manifest/);
  });

  it('reads a manifest: its sizes, its features, its split', () => {
    const folder = fileOf('file', '').slice(0, -'file'.length);
    const manifest = writeTiny(join(folder, 'tiny'));
    expect(openNetwork(manifest)).toMatchObject({
      manifest: 'tiny',
      inputShape: [1, 3, 8, 8],
      features: 'features',
      split: 'stem.relu',
    });
    const wrong = writeTiny(join(folder, 'wrong'), { features: 'logits' });
    expect(() => openNetwork(wrong)).toThrow(/names the features 'logits'.*has the outputs features/);
  });

  it('reads a manifest whose network has its weights in other files', () => {
    const folder = fileOf('parted', '').slice(0, -'parted'.length);
    const model = tinyModel();
    const { bytes, files } = encodeExternal(model, () => ({ location: 'tiny.bin' }));
    const data = files.get('tiny.bin')!;
    const sha256 = createHash('sha256').update(data).digest('hex');
    fileOf('tiny.bin', data);
    fileOf('tiny.onnx', bytes);
    const manifest = { ...tinyManifest(bytes), externalData: [{ file: 'tiny.bin', sha256 }] };
    const whole = openNetwork(writeTiny(join(folder, 'whole')));
    expect(openNetwork(fileOf('parted.json', JSON.stringify(manifest))).model.graph).toEqual(
      whole.model.graph,
    );
  });

  it('looks at the first output and names the others', () => {
    const model = chain();
    model.graph.outputs.push({ name: 'pool', type: 1 });
    const network = openNetwork(written('outputs.onnx', model));
    expect(network).toMatchObject({ features: 'features', otherOutputs: ['pool'] });
  });
});
