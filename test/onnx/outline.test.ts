import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { decodeProto } from '../../src/onnx/decode.js';
import { checkOutline } from '../../src/onnx/outline.js';
import { readModel } from '../../src/onnx/read.js';
import { residentBytes } from '../../src/process-memory.js';
import { Random } from '../../src/random.js';
import { tinyManifest } from '../backbone/tiny-backbone.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';
import { changeBytes, encodedSmallModels } from './mutate.js';

const scratch = scratchFolder();
/** The largest file that is read. */
const LARGEST = 2 ** 31 - 1;

/** A file of that size with these first bytes and nothing but zeros behind them, which takes no place on the disk. */
function sparse(bytes: readonly number[], size = LARGEST): string {
  const path = scratch.path('large.onnx');
  const file = openSync(path, 'w');
  writeSync(file, Uint8Array.from(bytes));
  ftruncateSync(file, size);
  closeSync(file);
  return path;
}

/** A tag and length of a span of bytes. */
function span(field: number, length: number): number[] {
  const bytes = [field * 8 + 2];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(128 + (rest % 128));
  return [...bytes, rest];
}

const GRAPH = 7;
const INITIALIZER = 5;
const UNKNOWN = 15;

describe('a file of nearly 2 GiB that is no model is refused before it is read:', () => {
  it.each<[string, number[], RegExp]>([
    ['zeros', [], /byte 0 has a field of number 0/],
    ['a picture', [0xff, 0xd8, 0xff, 0xe0, 0, 16], /unknown wire type 7/],
    [
      'one that was cut off',
      span(GRAPH, LARGEST),
      /byte 0 says that it has 2147483647 bytes, 2147483641 are/,
    ],
    ['a graph that holds no fields', span(GRAPH, LARGEST - 6), /byte 6 has a field of number 0/],
    [
      'a tensor that is longer than its graph',
      [...span(GRAPH, LARGEST - 6), ...span(INITIALIZER, LARGEST)],
      /byte 6 says that it has 2147483647 bytes/,
    ],
    ['a message of another kind', span(UNKNOWN, LARGEST - 6), /has no graph/],
  ])('%s', (_, bytes, why) => {
    const file = sparse(bytes);
    const error = errorOf(() => readModel(file));
    expect(error.code).toBe('onnx-invalid');
    expect(error.message).toMatch(why);
    expect(error.message).toContain(`${file} is not a usable ONNX model`);
    // Of the whole of this process's life.
    expect(residentBytes('VmHWM')).toBeLessThan(2 ** 30);
  });

  it('and so is one that a manifest names', async () => {
    sparse([]);
    const manifest = scratch.path('large.json');
    writeFileSync(manifest, JSON.stringify({ ...tinyManifest(new Uint8Array()), file: 'large.onnx' }));
    const opened = Backbone.open(manifest, new OrtEngine());
    await expect(opened).rejects.toMatchObject({
      code: 'onnx-invalid',
      message: expect.stringMatching(/large\.onnx/),
    });
    expect(residentBytes('VmHWM')).toBeLessThan(2 ** 30);
  });
});

it('the outline refuses nothing that can be decoded', () => {
  const models = encodedSmallModels();
  const path = scratch.path('damaged.onnx');
  const counts = { passed: 0, refused: 0 };
  const outlined = (bytes: Uint8Array): boolean => {
    writeFileSync(path, bytes);
    const file = openSync(path, 'r');
    try {
      checkOutline(file, bytes.length);
      return true;
    } catch {
      return false;
    } finally {
      closeSync(file);
    }
  };
  const decoded = (bytes: Uint8Array): boolean => {
    try {
      return decodeProto(bytes).graph !== undefined;
    } catch {
      return false;
    }
  };
  const agree = (seed: number) => {
    const random = new Random(seed);
    const bytes = changeBytes(models[random.int(models.length)]!, random, 1 + random.int(3));
    const passed = outlined(bytes);
    counts[passed ? 'passed' : 'refused']++;
    if (decoded(bytes)) expect(passed).toBe(true);
  };
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), agree), { numRuns: 1200, seed: 1 });
  expect(Math.min(counts.passed, counts.refused)).toBeGreaterThan(100);
  expect(outlined(readFileSync('models/efficientnet-lite0.onnx'))).toBe(true);
});
