import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectionSchema } from '../../src/inspect/result.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { encodeModel } from '../../src/onnx/write.js';
import { tinyModel, writeTiny } from '../backbone/tiny-backbone.js';
import { lichen } from './lichen.js';

const BACKBONE = resolve('models/efficientnet-lite0.onnx');
const folder = mkdtempSync(join(tmpdir(), 'lichen-inspect-e2e-'));
const file = (name: string) => join(folder, name);
let tiny: string;

beforeAll(() => {
  tiny = writeTiny(folder);
  const open = tinyModel();
  open.graph.inputs[0]!.dims = ['N', 3, 'H', 'W'];
  writeFileSync(file('open.onnx'), encodeModel(open));
  const whole = readFileSync(BACKBONE);
  writeFileSync(file('half.onnx'), whole.subarray(0, 5_000_000));
  const two = new GraphBuilder();
  two.op('Add', [two.input('left', [1, 3]), two.input('right', [1, 3])], {}, 'sum');
  two.output('sum');
  writeFileSync(file('two.onnx'), encodeModel(two.model()));
  const one = new GraphBuilder();
  one.op('Relu', [one.input('x', [1, 3])], {}, 'y');
  one.output('y');
  writeFileSync(file('one.onnx'), encodeModel(one.model()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Figures of a network as JSON, checked against the schema, in which no field is unknown. */
async function json(args: string[]) {
  const { code, out, err } = await lichen(['inspect', ...args, '--json']);
  expect({ code, err }).toMatchObject({ code: 0 });
  return inspectionSchema.strict().parse(JSON.parse(out));
}

describe('lichen inspect', () => {
  it('tells all of the default backbone, with seconds for every cut', async () => {
    const r = await json([BACKBONE]);
    expect(r).toMatchObject({
      backbone: null,
      opset: 17,
      input: { name: 'image', shape: [1, 3, 224, 224] },
      features: { name: 'features', shape: [1, 1280] },
      total: { layers: 93, multiplyAdds: 383_907_552, flops: 767_815_104 },
      // The file alone names no cut.
      cut: 'block14.add',
      cutBy: 'suggestion',
      batch: 16,
    });
    expect(r.cuts).toHaveLength(47);
    for (const c of r.cuts) {
      expect(c.trunk.flops! + c.crown.flops!).toBe(r.total.flops);
      expect(c.blocking).toEqual([]);
      // Behind the last layer with weights there is nothing to train.
      if (c.mask.weights === 0) expect(c).toMatchObject({ trainable: false, stepSeconds: null });
      else {
        expect(c).toMatchObject({ trainable: true, obstacle: null });
        expect(c.stepSeconds).toBeGreaterThan(0);
      }
    }
    const seconds = r.cuts.flatMap((c) => c.stepSeconds ?? []);
    expect(seconds[0]).toBeGreaterThan(seconds.at(-1)!);
    const chosen = r.cuts.find((c) => c.tensor === r.cut)!;
    expect(chosen.latent).toEqual({ shape: [192, 7, 7], bytes: 9792, floatBytes: 37632 });
    expect(r.calibration!.steps.length).toBeGreaterThanOrEqual(2);
  });

  it('prints tables, and writes a page when asked', async () => {
    const page = file('page.html');
    const { code, out, err } = await lichen(['inspect', tiny, '--no-calibration', '--html', page]);
    expect(code).toBe(0);
    expect(out).toMatch(/stem\.relu +Relu +1×4×4×4/);
    expect(out).toMatch(/> stem\.relu +4×4×4 +72 B/);
    expect(out).toContain('> stem.relu, as the manifest says');
    expect(out).toContain(page);
    expect(readFileSync(page, 'utf8')).toContain('<svg class="network"');
    expect(err).toContain('Building the step');
    const quiet = await lichen(['inspect', tiny, '--no-calibration', '--quiet']);
    expect(quiet).toMatchObject({ code: 0, err: '' });
  });

  it('takes a cut, a batch, and sizes that the file leaves open', async () => {
    const args = [file('open.onnx'), '--input', '1,3,16,16', '--cut', 'sum', '--batch', '4'];
    const r = await json([...args, '--no-calibration']);
    expect(r).toMatchObject({ cut: 'sum', cutBy: 'option', batch: 4, calibration: null });
    expect(r.cuts.find((c) => c.tensor === 'sum')).toMatchObject({
      latent: { shape: [4, 8, 8], bytes: 4 * 66, floatBytes: 1024 },
      stepSeconds: null,
    });
  });

  it.each([
    ['no file', ['/nowhere/at-all.onnx'], /cannot read the ONNX model \/nowhere\/at-all.onnx/],
    ['no ONNX file', ['package.json'], /package.json is not a usable manifest/],
    ['a picture', ['docs/images/hub.png'], /hub.png is not a usable ONNX model/],
    ['a truncated file', [file('half.onnx')], /half.onnx is not a usable ONNX model.*truncated/],
    ['several inputs', [file('two.onnx')], /has 2 inputs \(left, right\)/],
    ['open sizes', [file('open.onnx')], /leaves sizes open: give them with --input/],
    ['wrong sizes', [BACKBONE, '--input', '1,1,224,224'], /does not fit/],
    ['sizes that are none', [BACKBONE, '--input', 'large'], /expected sizes from 1/],
    ['nothing to cut', [file('one.onnx')], /one.onnx cannot be cut/],
    ['an unknown cut', [BACKBONE, '--cut', 'nothing'], /no tensor 'nothing'.*Possible: stem, .*block14.add/],
    [
      'a cut through a skip',
      [BACKBONE, '--cut', 'block14.expand'],
      /cannot cut at 'block14.expand'.*Possible/,
    ],
    [
      'a page that cannot be written',
      [BACKBONE, '--no-calibration', '--html', '/nowhere/x.html'],
      /cannot write/,
    ],
  ])('ends with 2 and a message for %s', async (_, args, message) => {
    const { code, out, err } = await lichen(['inspect', ...args, '--json']);
    expect(err).toMatch(message);
    expect(code).toBe(2);
    // Wrong usage never comes to an answer.
    if (out) expect(JSON.parse(out).error.message).toMatch(message);
    expect(existsSync('/nowhere')).toBe(false);
  });

  it('has help with examples', async () => {
    const { code, out } = await lichen(['inspect', '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/Examples:\n {2}lichen inspect/);
  });
});
