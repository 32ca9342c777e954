import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultManifest, loadManifest } from '../../src/backbone/manifest.js';
import { readPicture } from '../../src/backbone/picture.js';
import { lichen } from './lichen.js';

const PICTURES = resolve('models/demo-pictures');
const folder = mkdtempSync(join(tmpdir(), 'lichen-e2e-'));
const store = join(folder, 'store');
const data = join(folder, 'data');
const test = join(folder, 'test');

/** The first `count` pictures of each of three classes. */
function copyClasses(part: string, to: string, count: number): void {
  for (const label of ['bag', 'sandal', 'trouser']) {
    mkdirSync(join(to, label), { recursive: true });
    const from = join(PICTURES, part, 'shoes-and-bags', label);
    for (const f of readdirSync(from).sort().slice(0, count)) cpSync(join(from, f), join(to, label, f));
  }
}

beforeAll(() => {
  copyClasses('train', data, 20);
  copyClasses('test', test, 10);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = ['--store', store];

describe('learning from folders', () => {
  it('learns with a mask and says what a machine wants to know', async () => {
    writeFileSync(join(data, 'bag', 'broken.png'), 'no picture');
    cpSync(join(data, 'bag', '000.png'), join(data, 'bag', 'again.png'));
    const { code, out, err } = await lichen([
      'learn',
      '--data',
      data,
      '--task',
      'goods',
      '--epochs',
      '3',
      '--json',
      ...at,
    ]);
    expect({ code, err }).toMatchObject({ code: 0 });
    const r = JSON.parse(out);
    expect(r).toMatchObject({
      task: 'goods',
      method: 'piggyback',
      classes: ['bag', 'sandal', 'trouser'],
      duplicates: 1,
      backboneBytes: 13417019,
    });
    expect(r.trainSamples + r.heldOutSamples).toBe(60);
    expect(r.heldOutAccuracy).toBeGreaterThan(0.8);
    expect(r.adapterBytes).toBeLessThan(r.backboneBytes / 100);
    expect(r.seconds).toBeGreaterThan(0);
    expect(r.peakRssBytes).toBeGreaterThan(50e6);
    expect(r.unreadable).toHaveLength(1);
    expect(r.unreadable[0].file).toContain('broken.png');
    // Progress goes to standard error, and as plain lines where there is no terminal.
    expect(err).toContain('Reading 62 pictures');
  });

  it('gives the same bits for the same seed', async () => {
    const digests = [];
    for (const name of ['one', 'two']) {
      const other = join(folder, name);
      await lichen([
        'learn',
        '--data',
        data,
        '--task',
        'goods',
        '--epochs',
        '2',
        '--seed',
        '5',
        '--quiet',
        '--store',
        other,
      ]);
      const { out } = await lichen(['tasks', '--json', '--store', other]);
      digests.push(JSON.parse(out)[0].versions[0].sha256);
    }
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(digests[0]).toBe(digests[1]);
  });

  it('learns with a column, everything for training, and always takes it then', async () => {
    const args = [
      'learn',
      '--data',
      data,
      '--task',
      'column',
      '--method',
      'pnn',
      '--epochs',
      '2',
      '--held-out',
      '0',
      '--json',
      '--quiet',
    ];
    const r = JSON.parse((await lichen([...args, ...at])).out);
    expect(r).toMatchObject({
      method: 'pnn',
      heldOutAccuracy: null,
      heldOutSamples: 0,
      trainSamples: 60,
      promoted: true,
    });
    expect(r.adapterBytes).toBeLessThan(r.backboneBytes / 10);
  });

  it('measures on pictures that it never saw', async () => {
    const r = JSON.parse(
      (await lichen(['evaluate', '--data', test, '--task', 'goods', '--json', '--quiet', ...at])).out,
    );
    expect(r.samples).toBe(30);
    expect(r.accuracy).toBeGreaterThan(0.85);
    const diagonal = Object.keys(r.confusion).reduce((n, c) => n + r.confusion[c][c], 0);
    expect(diagonal / 30).toBeCloseTo(r.accuracy, 10);
  });

  it('answers for files, and says of the ones that it cannot read why', async () => {
    const file = join(test, 'sandal', readdirSync(join(test, 'sandal'))[0]!);
    const { code, out } = await lichen([
      'classify',
      '--task',
      'goods',
      '--json',
      ...at,
      file,
      join(folder, 'none.png'),
    ]);
    const [answer, missing] = JSON.parse(out);
    expect(code).toBe(1);
    expect(answer).toMatchObject({ file, task: 'goods', label: 'sandal' });
    expect(answer.probability).toBeGreaterThan(0.5);
    expect(missing.error).toMatch(/no such file|ENOENT|not exist|no file/i);
  });

  it('proves that nothing changed, and closes a task for good', async () => {
    expect(JSON.parse((await lichen(['verify', '--json', ...at])).out).ok).toBe(true);
    expect((await lichen(['tasks', 'close', 'goods', ...at])).code).toBe(0);
    const again = await lichen(['learn', '--data', data, '--task', 'goods', '--quiet', ...at]);
    expect(again.code).toBe(2);
    expect(again.err).toContain("Task 'goods' was closed");
    expect(JSON.parse((await lichen(['verify', '--json', ...at])).out)).toMatchObject({ ok: true });
  });

  it('exports an ordinary ONNX file that answers as the store does', async () => {
    const onnx = join(folder, 'goods.onnx');
    expect((await lichen(['export', '--task', 'goods', onnx, ...at])).code).toBe(0);
    const session = await ort.InferenceSession.create(onnx);
    const { manifest } = loadManifest(defaultManifest());
    const files = readdirSync(test).flatMap((c) =>
      readdirSync(join(test, c))
        .slice(0, 5)
        .map((f) => join(test, c, f)),
    );
    const answers = JSON.parse(
      (await lichen(['classify', '--task', 'goods', '--json', ...at, ...files])).out,
    );
    for (const [i, file] of files.entries()) {
      const data = await readPicture(file, manifest.input);
      const out = await session.run({ image: new ort.Tensor('float32', data, [1, 3, 224, 224]) });
      const p = out.probabilities!.data as Float32Array;
      const best = p.indexOf(Math.max(...p));
      expect(['bag', 'sandal', 'trouser'][best]).toBe(answers[i].label);
      expect(Math.abs(p[best]! - answers[i].probability)).toBeLessThan(0.05);
    }
    await session.release();
  });

  it('packs what a task runs, and refuses a pack that was changed', async () => {
    const key = join(folder, 'key.pem');
    const pack = join(folder, 'goods.lichenpack');
    expect((await lichen(['pack', '--task', 'goods', '--key', key, '--out', pack, ...at])).code).toBe(0);
    const inspect = ['pack', '--inspect', pack, '--trust', `${key}.pub`, '--json'];
    expect(JSON.parse((await lichen(inspect)).out)).toMatchObject({
      task: 'goods',
      classes: ['bag', 'sandal', 'trouser'],
    });
    const other = join(folder, 'first.lichenpack');
    const first = ['pack', '--task', 'goods', '--key', key, '--out', other, '--json', ...at];
    expect(JSON.parse((await lichen([...first, '--number', '1'])).out)).toMatchObject({ version: 1 });
    const missing = await lichen([...first, '--number', '999']);
    expect(missing.code).toBe(2);
    expect(JSON.parse(missing.out).error).toMatchObject({
      code: 'pack-nothing',
      message: expect.stringMatching(/no version 999; it has 1/),
    });
    const bytes = readFileSync(pack);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(pack, bytes);
    const refused = await lichen(inspect);
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.out).error.code).toBe('pack-tampered');
  });
});

describe('output that nobody reads to its end', () => {
  it('ends the command quietly', () => {
    const main = 'dist/src/cli/main.js';
    // The reader is gone before anything is written.
    const ran = spawnSync('sh', ['-c', `(sleep 1; node ${main} learn --help; echo "code $?" >&2) | true`], {
      encoding: 'utf8',
    });
    expect(ran.stderr).toBe('code 0\n');
  });
});

describe('wrong use', () => {
  const cases: [string, string[], RegExp][] = [
    ['no folder', ['learn', '--data', '/nowhere', '--task', 'x'], /cannot list .*nowhere/],
    ['a file for a folder', ['learn', '--data', 'package.json', '--task', 'x'], /cannot list .*package.json/],
    [
      'no class folders',
      ['learn', '--data', join(PICTURES, 'train', 'tops', 'shirt'), '--task', 'x'],
      /has no class folders/,
    ],
    ['a bad name', ['learn', '--data', data, '--task', 'no good'], /'no good' cannot name a task/],
    [
      'an unknown method',
      ['learn', '--data', data, '--task', 'x', '--method', 'magic'],
      /no method 'magic'.*piggyback, pnn/,
    ],
    [
      'a share out of range',
      ['learn', '--data', data, '--task', 'x', '--held-out', '2'],
      /expected a number from 0 to 0.9/,
    ],
    ['an unknown task', ['evaluate', '--data', test, '--task', 'none'], /no task 'none'.*goods/],
    ['an unknown option', ['classify', '--wrong'], /unknown option '--wrong'/],
    ['an unknown command', ['teach'], /unknown command 'teach'/],
    [
      'a missing settings file',
      ['agent', '--config', '/nowhere.yaml'],
      /cannot read the settings in \/nowhere.yaml/,
    ],
  ];
  it.each(cases)('%s: says what is wrong, without a stack trace', async (_, args, message) => {
    const { code, err } = await lichen(
      args[0] === 'learn' || args[0] === 'evaluate' ? [...args, ...at] : args,
    );
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it('one class only: says that two are needed', async () => {
    const one = join(folder, 'one-class');
    cpSync(join(data, 'bag'), join(one, 'bag'), { recursive: true });
    const { code, err } = await lichen(['learn', '--data', one, '--task', 'single', '--quiet', ...at]);
    expect(code).toBe(2);
    expect(err).toContain('at least two classes');
  });

  it('an agent and a hub whose port is taken say which, and end', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const programs: [string, object][] = [
      ['agent', { http: { host: '127.0.0.1', port }, mqtt: { url: 'mqtt://127.0.0.1:1' } }],
      ['hub', { mqtt: { port }, http: { port: 0 } }],
      ['hub', { mqtt: { port: 0 }, http: { port } }],
    ];
    for (const [command, settings] of programs) {
      const file = join(folder, 'taken.yaml');
      writeFileSync(file, JSON.stringify({ store: join(folder, `taken-${command}`), ...settings }));
      const { code, err } = await lichen([command, '--config', file]);
      expect([code, err]).toEqual([2, expect.stringContaining(`cannot listen on 127.0.0.1:${port}`)]);
      expect(err).not.toMatch(/\n\s+at /);
    }
    taken.close();
  });

  it('an agent with wrong settings names key, value and what is allowed', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'devise:\n  id: cam\nlearn:\n  epochs: many\nreplay:\n  cap: 3 furlongs\n');
    const { code, err } = await lichen(['agent', '--config', file]);
    expect(code).toBe(2);
    expect(err).toMatch(/line 1.*'devise' is not a setting; did you mean 'device'/);
    expect(err).toMatch(/line 4.*'learn.epochs' is "many"/);
    expect(err).toMatch(/line 6.*'replay.cap' is "3 furlongs".*MiB/);
  });

  it('every command has help with examples', async () => {
    const { out } = await lichen(['--help']);
    const commands = [...out.matchAll(/^ {2}(\w+) /gm)].map((m) => m[1]!).filter((c) => c !== 'help');
    for (const c of [
      'demo',
      'hub',
      'agent',
      'learn',
      'evaluate',
      'classify',
      'export',
      'pack',
      'verify',
      'tasks',
    ]) {
      expect(commands).toContain(c);
      const help = await lichen([c, '--help']);
      expect(help.code).toBe(0);
      expect(help.out).toContain('Examples:');
    }
    expect(existsSync(store)).toBe(true);
  });
});
