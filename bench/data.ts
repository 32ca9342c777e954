import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/backbone/manifest.js';
import { type LabelledFile, listClassFolders } from '../src/capture/class-folders.js';
import { LichenError } from '../src/errors.js';
import { Random } from '../src/random.js';

/** Folders of photographs that the benches read; they are not part of the project. */
export const DATASETS = ['hand-signs', 'magnetic-tiles'] as const;
export type Dataset = (typeof DATASETS)[number];

/** Where each set comes from. */
const ORIGINS: Record<Dataset, string> = {
  'hand-signs': "Ardamavi's Sign-Language-Digits-Dataset (github.com/ardamavi/Sign-Language-Digits-Dataset)",
  'magnetic-tiles':
    "abin24's Magnetic-tile-defect-datasets (github.com/abin24/Magnetic-tile-defect-datasets.)",
};

/** Where the photographs are looked for unless told otherwise. */
export function defaultDataFolder(): string {
  return join(packageRoot(), '..', 'shared', 'data');
}

/**
 * The files of a set of photographs.
 * @throws LichenError `bench-data-missing`
 */
export function readDataset(folder: string, name: Dataset): LabelledFile[] {
  const path = join(folder, name);
  if (!existsSync(path)) {
    throw new LichenError(
      'bench-data-missing',
      `there are no photographs in ${path}; give the folder that holds ${DATASETS.join(' and ')} with --data. ` +
        `${name} is ${ORIGINS[name]}: download it, one folder a class`,
    );
  }
  return listClassFolders(path);
}

/** What is trained on and what is tested, no sample in both. */
export interface Split {
  train: number[];
  test: number[];
}

/**
 * Draws at most `most` samples a class for training, and at most two thirds of the class; all others are for
 * the test.
 */
export function splitOf(labels: readonly number[], most: number, seed: number): Split {
  const random = new Random(seed);
  const split: Split = { train: [], test: [] };
  for (let c = 0; c <= Math.max(...labels); c++) {
    const own = random.shuffle(labels.flatMap((label, i) => (label === c ? [i] : [])));
    const count = Math.min(most, Math.floor((own.length * 2) / 3));
    split.train.push(...own.slice(0, count));
    split.test.push(...own.slice(count));
  }
  return split;
}

/** The test samples, at most `most` of each class: what a class with many pictures does not dominate. */
export function atMost(test: readonly number[], labels: readonly number[], most: number): number[] {
  const seen = new Map<number, number>();
  return test.filter((i) => {
    const n = (seen.get(labels[i]!) ?? 0) + 1;
    seen.set(labels[i]!, n);
    return n <= most;
  });
}
