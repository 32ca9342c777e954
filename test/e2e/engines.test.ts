import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lichen } from './lichen.js';

const PICTURES = resolve('models/demo-pictures');
const folder = mkdtempSync(join(tmpdir(), 'lichen-e2e-engines-'));
const data = join(folder, 'data');
const at = ['--store', join(folder, 'store')];
const tfjs = ['--engine', 'tfjs'];

beforeAll(async () => {
  for (const label of ['bag', 'sandal']) {
    mkdirSync(join(data, label), { recursive: true });
    const from = join(PICTURES, 'train', 'shoes-and-bags', label);
    for (const f of readdirSync(from).sort().slice(0, 10)) cpSync(join(from, f), join(data, label, f));
  }
  const learned = await lichen([
    'learn',
    '--data',
    data,
    '--task',
    'goods',
    '--epochs',
    '2',
    '--quiet',
    ...at,
  ]);
  expect(learned).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const picture = join(data, 'bag', '000.png');
const commands: [string, string[]][] = [
  ['learn', ['learn', '--data', data, '--task', 'more', '--quiet']],
  ['evaluate', ['evaluate', '--data', data, '--task', 'goods', '--quiet']],
  ['classify', ['classify', picture]],
  ['verify', ['verify']],
  ['tasks close', ['tasks', 'close', 'goods']],
];

describe.each(commands)('lichen %s', (_, args) => {
  it('says why TensorFlow cannot load, and what to do', async () => {
    const env = { ...process.env, LICHEN_TFJS_NODE: join(folder, 'nowhere') };
    const { code, err } = await lichen([...args, ...at, ...tfjs], { env });
    expect(code).toBe(2);
    expect(err).toMatch(/tfjs-node is not installed in .*nowhere.*run scripts\/build-tfjs-node\.sh/s);
  });

  it('names the engines that there are', async () => {
    const { code, err } = await lichen([...args, ...at, '--engine', 'torch']);
    expect(code).toBe(2);
    expect(err).toMatch(/'torch' is invalid.*auto, ort, tfjs/);
  });
});

it('lichen learn refuses a cap of memory in TensorFlow, whether that loads or not', async () => {
  const learn = ['learn', '--data', data, '--task', 'capped', '--quiet', '--memory', '300MiB'];
  const { code, err } = await lichen([...learn, ...at, ...tfjs]);
  expect(code).toBe(2);
  expect(err).toMatch(/'--memory' and '--engine tfjs': .*rules of its own.*Use the engine ort, or no cap/);
});

// Where it was not built there is nothing to run them on.
describe.skipIf(!process.env.LICHEN_TFJS_NODE)('what was learned with ONNX Runtime, in TensorFlow', () => {
  const json = async (args: string[]) => {
    const { code, out, err } = await lichen([...args, ...at, '--json']);
    expect({ code, err }).toMatchObject({ code: 0 });
    return JSON.parse(out);
  };

  it('is measured alike', async () => {
    const args = ['evaluate', '--data', data, '--task', 'goods', '--quiet'];
    const [ort, found] = [await json(args), await json([...args, ...tfjs])];
    expect([ort.engine, found.engine]).toEqual(['ort', 'tfjs']);
    expect(found).toMatchObject({ version: ort.version, samples: 20, confusion: ort.confusion });
  });

  it('answers alike', async () => {
    const [[ort], [found]] = [await json(['classify', picture]), await json(['classify', picture, ...tfjs])];
    expect(found).toMatchObject({ task: 'goods', label: ort.label, version: ort.version });
    expect(found.probability).toBeCloseTo(ort.probability, 3);
  });

  it('is closed with digests that both verify', async () => {
    expect(await json(['tasks', 'close', 'goods', ...tfjs])).toMatchObject([{ name: 'goods', closed: true }]);
    const versions = expect.arrayContaining([expect.objectContaining({ closed: true, current: true })]);
    for (const engine of [[], tfjs]) {
      expect(await json(['verify', ...engine])).toMatchObject({ ok: true, versions });
    }
  });
});
