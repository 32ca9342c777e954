import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { photographs } from '../agent/pictures.js';

const HANDS = resolve('../shared/data/hand-signs');

/** Photographs of three kinds and a fourth, forty of each. */
export interface Kinds {
  task: string;
  labels: [string, string, string, string];
  of: (i: number) => Buffer[];
}

/** Hand signs, or, where they are not there, the demo's goods. */
export function kinds(): Kinds {
  if (!existsSync(HANDS)) {
    const labels = ['bag', 'sandal', 'trouser', 'sneaker'] as [string, string, string, string];
    return { task: 'goods', labels, of: (i) => photographs(labels[i]!, 40).map((p) => p.bytes) };
  }
  const labels = ['zero', 'two', 'five', 'seven'] as [string, string, string, string];
  const folders = ['0', '2', '5', '7'];
  const of = (i: number) =>
    readdirSync(join(HANDS, folders[i]!))
      .sort()
      .slice(0, 40)
      .map((name) => readFileSync(join(HANDS, folders[i]!, name)));
  return { task: 'signs', labels, of };
}
