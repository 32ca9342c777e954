import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { LichenError, messageOf } from '../errors.js';

/** A picture file and the class whose folder it lies in. */
export interface LabelledFile {
  file: string;
  label: string;
}

const PICTURE = /\.(jpe?g|png|webp|gif|tiff?|avif|heic|bmp|svg)$/i;

/**
 * Lists the pictures of a folder of class folders, in a stable order. Hidden files and files that are not named
 * like pictures are passed over; folders within a class folder count to the class. Links are followed, except
 * where they lead back to a folder that they lie in.
 * @throws LichenError `data-unreadable` or `data-empty`
 */
export function listClassFolders(folder: string): LabelledFile[] {
  const labels = entries(folder)
    .filter((e) => e.directory)
    .map((e) => e.name);
  if (labels.length === 0) {
    throw new LichenError(
      'data-empty',
      `${folder} has no class folders; expected one folder a class with its pictures inside, as in ${join(folder, 'cat', '1.jpg')}`,
    );
  }
  const files = labels.flatMap((label) =>
    pictures(join(folder, label), [realpathSync(folder)]).map((file) => ({ file, label })),
  );
  if (files.length === 0) {
    throw new LichenError(
      'data-empty',
      `the class folders of ${folder} (${labels.join(', ')}) hold no pictures`,
    );
  }
  return files;
}

/** The classes of labelled files, sorted. */
export function classesOf(files: readonly { label: string }[]): string[] {
  return [...new Set(files.map((f) => f.label))].sort();
}

/** @param above the folders that this one was reached through */
function pictures(folder: string, above: readonly string[]): string[] {
  const real = realpathSync(folder);
  if (above.includes(real)) return [];
  return entries(folder).flatMap((e) => {
    const path = join(folder, e.name);
    return e.directory ? pictures(path, [...above, real]) : PICTURE.test(e.name) ? [path] : [];
  });
}

function entries(folder: string): { name: string; directory: boolean }[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
      .flatMap((name) => {
        const stat = statSync(join(folder, name), { throwIfNoEntry: false });
        return stat ? [{ name, directory: stat.isDirectory() }] : [];
      });
  } catch (error) {
    const where = relative(process.cwd(), folder) || folder;
    throw new LichenError('data-unreadable', `cannot list ${where}: ${messageOf(error)}`, { cause: error });
  }
}
