import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Puts a program of this name on the search path: a shell script of this text, which has its arguments in "$@". It
 * writes each argument to the file `arguments` beside it, one a line, before the text is run.
 * @returns the folder, and what takes it off the path again
 */
export function putOnPath(folder: string, name: string, text: string): () => void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$@" > ${join(folder, 'arguments')}\n${text}\n`);
  chmodSync(file, 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${before}`;
  return () => {
    process.env.PATH = before;
  };
}
