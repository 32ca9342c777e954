import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The text of a file of the kernel's, such as /proc/meminfo; undefined where there is none. */
export function systemText(root: string, path: string): string | undefined {
  try {
    // Texts of the device tree end with a zero byte.
    return readFileSync(join(root, path), 'utf8').replaceAll('\0', '').trim();
  } catch {
    return undefined;
  }
}

/** The names in a folder, sorted; none where there is no such folder. */
export function systemNames(root: string, path: string): string[] {
  try {
    return readdirSync(join(root, path)).sort();
  } catch {
    return [];
  }
}
