import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type BackboneManifest, manifestSchema } from '../../src/backbone/manifest.js';
import { LichenError } from '../../src/errors.js';
import { deviceMethod } from '../../src/learn/device-method.js';
import { trainingObstacle } from '../../src/learn/trainable.js';
import { cutModel, cutPoints } from '../../src/onnx/cut.js';
import { normalize } from '../../src/onnx/normalize.js';
import { decodeModel } from '../../src/onnx/read.js';
import { Random } from '../../src/random.js';
import { FAMILIES, fixtureFile } from '../fixtures/families.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { changeBytes, changeFields } from './mutate.js';

const piggyback = deviceMethod('piggyback');

/** All that a network goes through before a training, the graph of a step among it: how far it came. */
function use(bytes: Uint8Array, { split, latentShape, features }: BackboneManifest): string {
  let stage = 'refused';
  try {
    const model = decodeModel(bytes);
    stage = 'decoded';
    cutPoints(model.graph);
    const { trunk, crown } = cutModel(model, split, latentShape);
    normalize(trunk);
    const { graph } = normalize(crown);
    stage = 'cut';
    const obstacle = trainingObstacle(
      { graph, latent: split, latentShape: latentShape!, features },
      piggyback,
    );
    return obstacle === null ? 'trainable' : stage;
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    return stage;
  }
}

describe.each(FAMILIES)('the file of %s', (family) => {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(fixtureFile(`${family}.json`), 'utf8')));
  const file = readFileSync(fixtureFile(manifest.file));

  it('is a model that can be trained, or is refused, however it is damaged', () => {
    expect(use(file, manifest)).toBe('trainable');
    const counts: Record<string, number> = { refused: 0, decoded: 0, cut: 0, trainable: 0 };
    for (let seed = 0; seed < 18; seed++) {
      const random = new Random(seed);
      // One in four is damaged below the level of fields.
      const change = seed % 4 === 0 ? changeBytes : changeFields;
      counts[use(change(file, random, 1 + random.int(3)), manifest)]!++;
    }
    expect(counts.refused).toBeGreaterThan(0);
    expect(counts.trainable).toBeGreaterThan(0);
  });
});

it('a damaged network of any family does not end the runtime, nor fill the memory', async () => {
  const program = fileURLToPath(new URL('fuzz-runtime.ts', import.meta.url));
  const child = spawnTypeScript(program, ['0', '80', 'families']);
  const done = await child.line('done ');
  expect(await child.ended).toBe(0);
  const counts = JSON.parse(done.slice(5, done.lastIndexOf('}') + 1)) as Record<string, number>;
  expect(counts.run).toBeGreaterThan(10);
  expect(counts['onnx-invalid']).toBeGreaterThan(5);
  const kilobytes = Number(/(\d+) kB$/.exec(done)![1]);
  expect(kilobytes / 1024).toBeLessThan(1024);
});
