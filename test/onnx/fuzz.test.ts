import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LichenError } from '../../src/errors.js';
import { cutPoints } from '../../src/onnx/cut.js';
import type { Model } from '../../src/onnx/model.js';
import { normalize } from '../../src/onnx/normalize.js';
import { decodeModel } from '../../src/onnx/read.js';
import { encodeModel } from '../../src/onnx/write.js';
import { Random } from '../../src/random.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { changeBytes, changeFields, encodedSmallModels } from './mutate.js';

const models = encodedSmallModels();

/** Decodes, and if that goes well does all that a backbone's model goes through; says how it went. */
function use(bytes: Uint8Array): string {
  let model: Model;
  try {
    model = decodeModel(bytes);
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    expect(error.code).toBe('onnx-invalid');
    expect(error.message).toMatch(/^the ONNX model is not a usable ONNX model: .{5}|^node '/s);
    return 'refused';
  }
  try {
    const points = cutPoints(model.graph);
    expect(new Set(points).size).toBe(points.length);
    // What was read is what is written.
    const written = encodeModel(model);
    expect(Buffer.from(encodeModel(decodeModel(written))).equals(written)).toBe(true);
    normalize(model);
    return 'normalized';
  } catch (error) {
    if (!(error instanceof LichenError)) throw error;
    return 'decoded';
  }
}

/** Counts how many of some cases went how. */
function tally(run: (count: (bytes: Uint8Array) => void) => void): Record<string, number> {
  const counts: Record<string, number> = { refused: 0, decoded: 0, normalized: 0 };
  run((bytes) => {
    counts[use(bytes)]! += 1;
  });
  return counts;
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

describe('a file is a model or refused, and nothing else,', () => {
  it('that is any bytes', () => {
    const counts = tally((count) => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), count), { numRuns: 5000, seed: 1 });
    });
    expect(counts.refused).toBe(5000);
  });

  it('that is a model with bytes changed, cut out, doubled, or from another', () => {
    const counts = tally((count) => {
      const changed = (seed: number) => {
        const random = new Random(seed);
        const [bytes, other] = [models[random.int(models.length)]!, models[random.int(models.length)]!];
        count(changeBytes(bytes, random, 1 + random.int(4), other));
      };
      fc.assert(fc.property(seeds, changed), { numRuns: 4000, seed: 2 });
    });
    expect(counts.refused).toBeGreaterThan(2000);
    expect(counts.normalized).toBeGreaterThan(100);
  });

  it('that is a model with fields changed', () => {
    const counts = tally((count) => {
      const changed = (seed: number) => {
        const random = new Random(seed);
        count(changeFields(models[random.int(models.length)]!, random, 1 + random.int(4)));
      };
      fc.assert(fc.property(seeds, changed), { numRuns: 2500, seed: 3 });
    });
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(50);
  });

  it('that is cut anywhere', () => {
    for (const bytes of models.filter((_, i) => i % 8 === 0)) {
      for (let length = 0; length < bytes.length; length++) use(bytes.subarray(0, length));
    }
  });

  it('that is the file of the default backbone, damaged where its nodes are', () => {
    const file = readFileSync('models/efficientnet-lite0.onnx');
    const head = 2 ** 14;
    expect(file.subarray(0, head).includes('block14.add')).toBe(true);
    const damage = (seed: number) => {
      const random = new Random(seed);
      const begin = changeBytes(file.subarray(0, head), random, 1 + random.int(3));
      try {
        decodeModel(Buffer.concat([begin, file.subarray(head)]));
      } catch (error) {
        if (!(error instanceof LichenError)) throw error;
        expect(error.code).toBe('onnx-invalid');
      }
    };
    fc.assert(fc.property(seeds, damage), { numRuns: 60, seed: 4 });
  });
});

it('files that are made to fill the memory are refused, within bounds', async () => {
  const program = fileURLToPath(new URL('decode-bombs.ts', import.meta.url));
  const child = spawnTypeScript(program, [], { NODE_OPTIONS: '--max-old-space-size=160' });
  const done = await child.line('done ');
  const lines = child.output().split('\n').slice(0, -2);
  expect(lines.length).toBeGreaterThanOrEqual(19);
  for (const line of lines.filter((l) => !l.startsWith('one long name')))
    expect(line).toContain(': onnx-invalid, ');
  // The files have 16 MiB, the program itself 100; numbers take eight times the bytes that they were written in.
  expect(Number(done.split(' ')[1]) / 1024).toBeLessThan(600);
  expect(await child.ended).toBe(0);
});

it('a damaged model that is read does not end the runtime', async () => {
  const program = fileURLToPath(new URL('fuzz-runtime.ts', import.meta.url));
  const child = spawnTypeScript(program, ['0', '1500']);
  const done = await child.line('done ');
  expect(await child.ended).toBe(0);
  const counts = JSON.parse(done.slice(5, done.lastIndexOf('}') + 1)) as Record<string, number>;
  expect(counts.run).toBeGreaterThan(200);
  expect(counts['engine-compile']).toBeGreaterThan(50);
  expect(counts['onnx-invalid']).toBeGreaterThan(200);
});
