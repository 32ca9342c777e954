import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type * as core from '@tensorflow/tfjs-core';
import { LichenError, messageOf } from '../../errors.js';

/** The operators of TensorFlow.js. */
export type Tf = typeof core;

/** What computes: TensorFlow's native library, or JavaScript. */
export type Backend = 'tensorflow' | 'cpu';

/** TensorFlow.js with a backend that was seen to compute. */
export interface Library {
  tf: Tf;
  backend: Backend;
  version: string;
}

/** A folder in which `scripts/build-tfjs-node.sh` built the native library. */
export const FOLDER_VARIABLE = 'LICHEN_TFJS_NODE';

/** How to get the native library. */
export const BUILD = `run scripts/build-tfjs-node.sh FOLDER (x64 Linux) and set ${FOLDER_VARIABLE}=FOLDER`;

/** What to do where the native library does not load. */
export const REMEDY = `${BUILD}, or use ONNX Runtime: engine 'ort' or 'auto'`;

/**
 * TensorFlow.js on its native library.
 * @param folder where `@tensorflow/tfjs-node` was built; Lichen's own packages unless given
 * @throws LichenError `engine-unavailable`: why it does not load, and what to do
 */
export function nativeLibrary(folder?: string): Library {
  const load = folder ? createRequire(join(resolve(folder), 'package.json')) : createRequire(import.meta.url);
  // TensorFlow tells about its instruction sets on stderr; asked for more, it still does.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  try {
    return quietly(load('@tensorflow/tfjs-core'), () => {
      const tf: Tf & { version: Record<string, string> } = load('@tensorflow/tfjs-node');
      return checked(tf, 'tensorflow', tf.version['tfjs-node'] ?? tf.version_core);
    });
  } catch (error) {
    const where = folder ? ` in ${folder} (${FOLDER_VARIABLE})` : '';
    throw new LichenError(
      'engine-unavailable',
      `the engine tfjs cannot start: ${whyNot(error, where)}. To have it, ${REMEDY}.`,
      { cause: error },
    );
  }
}

/**
 * TensorFlow.js in JavaScript alone: several hundred times slower, and only for tests.
 * @throws LichenError `engine-unavailable` where its packages are not installed
 */
export function scriptLibrary(): Library {
  const load = createRequire(import.meta.url);
  try {
    const tf: Tf = load('@tensorflow/tfjs-core');
    return quietly(tf, () => {
      load('@tensorflow/tfjs-backend-cpu');
      return checked(tf, 'cpu', tf.version_core);
    });
  } catch (error) {
    throw new LichenError(
      'engine-unavailable',
      `TensorFlow.js cannot run in JavaScript: ${firstLine(error)}. ` +
        'It is only for tests: npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-cpu.',
      { cause: error },
    );
  }
}

/** Makes a backend the one that computes from here on. */
export async function choose({ tf, backend }: Pick<Library, 'tf' | 'backend'>): Promise<void> {
  while (tf.getBackend() !== backend) await tf.setBackend(backend);
}

/** Has the backend do a little of its work: some that load do not run on later versions of Node. */
function checked(tf: Tf, backend: Backend, version: string): Library {
  void tf.setBackend(backend);
  const sum = tf.tidy(() => Array.from(tf.add(tf.tensor1d([1, 2]), 1).dataSync()));
  if (tf.getBackend() !== backend || String(sum) !== '2,3') {
    throw new Error(`it adds 1 to 1,2 as ${sum} on the backend '${tf.getBackend()}'`);
  }
  return { tf, backend, version };
}

/** While loading and at first use, TensorFlow.js greets on the console unless it believes to be in production. */
function quietly<T>(tf: Tf, work: () => T): T {
  const before = tf.env().getBool('PROD');
  tf.env().set('PROD', true);
  try {
    return work();
  } finally {
    tf.env().set('PROD', before);
  }
}

const firstLine = (error: unknown) => messageOf(error).trim().split('\n')[0]!.trim();

function whyNot(error: unknown, where: string): string {
  const message = firstLine(error);
  if (message.startsWith('Cannot find module')) {
    return `the package @tensorflow/tfjs-node is not installed${where}`;
  }
  if (message.includes('tfjs_binding.node')) {
    return `the package @tensorflow/tfjs-node is there${where}, but its native library was not built (tfjs_binding.node is missing)`;
  }
  if (/cannot open shared object|libtensorflow/.test(message)) {
    return `a native library of @tensorflow/tfjs-node is missing${where} (${message})`;
  }
  return `@tensorflow/tfjs-node${where} does not work on Node ${process.versions.node} (${message})`;
}
