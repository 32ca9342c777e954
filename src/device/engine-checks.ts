import { existsSync } from 'node:fs';
import type * as TensorFlow from '@tensorflow/tfjs-core';
import type Libsql from 'libsql';
import type * as Ort from 'onnxruntime-node';
import type Sharp from 'sharp';
import { packageRoot } from '../backbone/manifest.js';
import type { EngineChoice } from '../engine/engine.js';
import { BUILD, FOLDER_VARIABLE, REMEDY } from '../engine/tfjs/library.js';
import { GraphBuilder } from '../onnx/builder.js';
import { floats } from '../onnx/model.js';
import { encodeModel } from '../onnx/write.js';
import type { Check } from './check.js';
import { type Probe, type Probed, probe } from './native-probe.js';

const REINSTALL =
  'npm ci --omit=dev in the folder of Lichen (with optional packages, which hold the libraries)';
const NEWER_SYSTEM =
  'use a system with glibc 2.28 or newer: Debian 12, Raspberry Pi OS 12, Ubuntu 20.04, JetPack 5, or newer';

/** A PNG of two pixels: red, then green. */
const TINY_PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAD0lEQVQImWP4z8DA8J8BAAf/Af+DgD1mAAAAAElFTkSuQmCC';

/**
 * Loads every native library, and has each do a little of its work, in processes of their own.
 * @param packages the folder that packages are loaded from; Lichen's own unless given
 * @param engine the engine that the settings name
 */
export async function engineChecks(packages?: string, engine: EngineChoice = 'auto'): Promise<Check[]> {
  const root = packages ?? packageRoot();
  const built = packages ? undefined : process.env[FOLDER_VARIABLE] || undefined;
  return Promise.all([
    onnxRuntime(root),
    pictures(root),
    database(root),
    tensorFlow(built ?? root, engine === 'tfjs'),
  ]);
}

async function onnxRuntime(root: string): Promise<Check> {
  const graph = Buffer.from(encodeModel(tinyModel())).toString('base64');
  const probed = await probe(
    async (load, model) => {
      const ort = load('onnxruntime-node') as typeof Ort;
      const session = await ort.InferenceSession.create(Buffer.from(model!, 'base64'));
      const x = new ort.Tensor('float32', Float32Array.of(-2, 3), [1, 2]);
      const y = Array.from((await session.run({ x })).y!.data as Float32Array).join();
      if (y !== '0,7') throw new Error(`it computes max(0, 2x + 1) of -2,3 as ${y}; 0,7 was expected`);
      return ort.env.versions.node ?? ort.env.versions.common;
    },
    [graph],
    root,
  );
  return needed('onnxruntime', probed, (version) => `${version}, runs a graph (the engine ort)`);
}

/** y = max(0, 2x + 1) for two numbers. */
function tinyModel() {
  const b = new GraphBuilder();
  const x = b.input('x', [1, 2]);
  const weight = b.constant(floats([2, 0, 0, 2], [2, 2]));
  const bias = b.constant(floats([1, 1], [2]));
  b.op('Relu', [b.op('Gemm', [x, weight, bias])], {}, 'y');
  b.output('y');
  return b.model('doctor');
}

async function pictures(root: string): Promise<Check> {
  const probed = await probe(
    async (load, picture) => {
      const sharp = load('sharp') as typeof Sharp;
      const pixels = [...(await sharp(Buffer.from(picture!, 'base64')).raw().toBuffer())].join();
      if (pixels !== '255,0,0,0,255,0') throw new Error(`it decodes a red and a green pixel as ${pixels}`);
      return `${sharp.versions.sharp} with libvips ${sharp.versions.vips}`;
    },
    [TINY_PICTURE],
    root,
  );
  return needed('sharp', probed, (version) => `${version}, decodes a picture`);
}

async function database(root: string): Promise<Check> {
  const probed = await probe(
    (load) => {
      const Database = load('libsql') as typeof Libsql;
      const memory = new Database(':memory:');
      memory.exec('CREATE TABLE t (v TEXT)');
      memory.prepare('INSERT INTO t VALUES (?)').run('kept');
      const row = memory.prepare('SELECT v, sqlite_version() AS version FROM t').get() as {
        v: string;
        version: string;
      };
      memory.close();
      if (row.v !== 'kept') throw new Error(`a row came back as '${row.v}'`);
      return row.version;
    },
    [],
    root,
  );
  return needed('libsql', probed, (version) => `SQLite ${version}, keeps a row`);
}

async function tensorFlow(root: string, chosen: boolean): Promise<Check> {
  const name = 'tensorflow';
  const probed: Probed = existsSync(root)
    ? await probe(addition, [], root)
    : { ok: false, why: `${FOLDER_VARIABLE} names ${root}, where there is no folder` };
  if (probed.ok) return { name, status: 'ok', found: `${probed.answer}, adds (the engine tfjs)` };
  const found = `not loaded: ${probed.why}`;
  if (!chosen) return { name, status: 'optional', found, howToGet: `${BUILD}; nothing needs it` };
  return {
    name,
    status: 'missing',
    found,
    needed: "the engine 'tfjs', which the settings name",
    howToGet: REMEDY,
  };
}

/** Has TensorFlow's library add, which some versions of it cannot on some versions of Node. */
const addition: Probe = (load) => {
  process.env.TF_CPP_MIN_LOG_LEVEL = '2';
  const tf = load('@tensorflow/tfjs-node') as typeof TensorFlow & { version: { 'tfjs-node': string } };
  const sum = Array.from(tf.add([1, 2], 1).dataSync()).join();
  if (sum !== '2,3') throw new Error(`it adds 1 to 1,2 as ${sum}`);
  return tf.version['tfjs-node'];
};

function needed(name: string, probed: Probed, found: (answer: string) => string): Check {
  if (probed.ok) return { name, status: 'ok', found: found(probed.answer) };
  const old = /GLIBC|GLIBCXX|ld-linux|libc\.so/.test(probed.why);
  return {
    name,
    status: 'missing',
    found: `does not work: ${probed.why}`,
    needed: 'the agent and every command',
    howToGet: old ? NEWER_SYSTEM : REINSTALL,
  };
}
