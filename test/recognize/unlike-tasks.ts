import sharp from 'sharp';
import { type Pictures, readMnist } from '../../bench/continual/mnist.js';
import { photographs } from '../agent/pictures.js';

/** A labelled picture, as a file's bytes. */
export interface Labelled {
  label: string;
  bytes: Buffer;
}

/** Photographs of clothes, so many of each of three classes. */
export function clothes(each: number): Labelled[] {
  return of('tops', ['shirt', 'tshirt', 'coat'], each);
}

/** Photographs of shoes and bags, so many of each of five classes. */
export function shoesAndBags(each: number): Labelled[] {
  return of('shoes-and-bags', ['sandal', 'sneaker', 'bag', 'ankle-boot', 'trouser'], each);
}

/** Written digits, so many of each of three: they have nothing in common with clothes. */
export async function digits(each: number): Promise<Labelled[]> {
  const mnist = readMnist('test');
  const found: Labelled[] = [];
  for (const digit of [0, 1, 7]) {
    const own = [...mnist.labels].flatMap((l, i) => (l === digit ? [i] : [])).slice(0, each);
    for (const i of own) found.push({ label: String(digit), bytes: await pngOf(mnist, i) });
  }
  return found;
}

function of(task: string, labels: readonly string[], each: number): Labelled[] {
  return labels.flatMap((label) => photographs(label, each, { task }).map(({ bytes }) => ({ label, bytes })));
}

/** One of some grey pictures as a PNG file. */
function pngOf({ pixels, rows, columns }: Pictures, index: number): Promise<Buffer> {
  const size = rows * columns;
  const raw = { width: columns, height: rows, channels: 1 } as const;
  return sharp(pixels.subarray(index * size, (index + 1) * size), { raw })
    .png()
    .toBuffer();
}
