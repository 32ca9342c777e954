import { expect, it } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.js';
import type { CompileOptions, Engine, Program } from '../../src/engine/engine.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { LichenError } from '../../src/errors.js';
import type { Model } from '../../src/onnx/model.js';
import { FrozenFeatures } from '../../src/recognize/frozen-features.js';
import { smallBackbone } from '../learn/small-backbone.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();

/** ONNX Runtime, which has memory for so many programs and no more. */
class FullEngine implements Engine {
  readonly name = 'ort';
  readonly version = '';
  readonly loops = true;
  readonly compiled: Program[] = [];
  private readonly ort = new OrtEngine();
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  async compile(model: Model | Uint8Array, options?: CompileOptions): Promise<Program> {
    if (this.compiled.length === this.most) throw new LichenError('engine-compile', 'out of memory');
    const program = await this.ort.compile(model, options);
    this.compiled.push(program);
    return program;
  }
}

const open = (engine: Engine, backbone: Backbone) => FrozenFeatures.open(engine, backbone);

it.each([0, 1, 2])('leave nothing open where only %i of their programs can be compiled', async (most) => {
  const backbone = await smallBackbone(scratch.path('small'), new OrtEngine());
  const engine = new FullEngine(most);
  await expect(open(engine, backbone)).rejects.toThrow('out of memory');
  expect(engine.compiled).toHaveLength(most);
  for (const program of engine.compiled) await expect(program.run({})).rejects.toThrow(/was closed/);
});

it('have three programs, which are open until they are closed', async () => {
  const backbone = await smallBackbone(scratch.path('small'), new OrtEngine());
  const engine = new FullEngine(3);
  const features = await open(engine, backbone);
  expect(engine.compiled).toHaveLength(3);
  for (const program of engine.compiled) await expect(program.run({})).rejects.not.toThrow(/was closed/);
  await features.close();
  for (const program of engine.compiled) await expect(program.run({})).rejects.toThrow(/was closed/);
});
