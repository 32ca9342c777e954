import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openEngine } from '../../src/engine/choose.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { TfjsEngine } from '../../src/engine/tfjs.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();

/** A folder with a package that calls itself @tensorflow/tfjs-node and does this when it is loaded. */
function folderWith(name: string, script: string): string {
  const folder = scratch.path(name);
  for (const [called, main] of [
    ['tfjs-core', 'module.exports = { env: () => ({ getBool: () => false, set() {} }) };'],
    ['tfjs-node', script],
  ] as const) {
    const at = `${folder}/node_modules/@tensorflow/${called}`;
    mkdirSync(at, { recursive: true });
    writeFileSync(`${at}/package.json`, JSON.stringify({ name: `@tensorflow/${called}`, main: 'index.js' }));
    writeFileSync(`${at}/index.js`, main);
  }
  return folder;
}

describe('the engine that a setting names', () => {
  it('is ONNX Runtime for ort and for auto', () => {
    for (const choice of ['ort', 'auto'] as const) expect(openEngine(choice)).toBeInstanceOf(OrtEngine);
  });

  it.skipIf(process.env.LICHEN_TFJS_NODE)('is never TensorFlow.js in JavaScript', () => {
    expect(errorOf(() => openEngine('tfjs')).code).toBe('engine-unavailable');
  });

  it.skipIf(!process.env.LICHEN_TFJS_NODE)('is TensorFlow for tfjs where it was built', () => {
    expect(openEngine('tfjs')).toMatchObject({ name: 'tfjs', backend: 'tensorflow', caution: undefined });
  });
});

describe('where TensorFlow does not load, the error says why and what to do', () => {
  it.each<[string, () => string, RegExp]>([
    [
      'a folder without the package',
      () => scratch.path('nothing'),
      /the package @tensorflow\/tfjs-node is not installed in .*nothing \(LICHEN_TFJS_NODE\)/,
    ],
    [
      'a package without its native library',
      () =>
        folderWith(
          'unbuilt',
          "throw new Error('The Node.js native addon module (tfjs_binding.node) can not be found at path: /x');",
        ),
      /is there in .*unbuilt \(LICHEN_TFJS_NODE\), but its native library was not built \(tfjs_binding\.node is missing\)/,
    ],
    [
      "a binding without TensorFlow's library",
      () =>
        folderWith(
          'halved',
          "throw new Error('libtensorflow.so.2: cannot open shared object file: No such file or directory');",
        ),
      /a native library of @tensorflow\/tfjs-node is missing in .*halved .*\(libtensorflow\.so\.2: cannot open shared object file/,
    ],
    [
      'a package that Node is too new for',
      () => folderWith('old', "throw new TypeError('util_1.isNullOrUndefined is not a function');"),
      /does not work on Node \d+\.\d+\.\d+ \(util_1\.isNullOrUndefined is not a function\)/,
    ],
  ])('%s', (_, make, why) => {
    const error = errorOf(() => TfjsEngine.open({ folder: make() }));
    expect(error.code).toBe('engine-unavailable');
    expect(error.message).toMatch(why);
    expect(error.message).toMatch(
      /To have it, run scripts\/build-tfjs-node\.sh FOLDER .* set LICHEN_TFJS_NODE=FOLDER, or use ONNX Runtime: engine 'ort'/,
    );
  });

  it('for tests, JavaScript computes instead, and says so and why', () => {
    const engine = TfjsEngine.open({ folder: scratch.path('nothing'), backend: 'any' });
    expect(engine.backend).toBe('cpu');
    expect(engine.caution).toMatch(
      /in JavaScript .*only for tests\. Instead of the native library: .*is not installed/,
    );
  });
});
