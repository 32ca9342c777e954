import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const COMMAND = resolve('dist/src/cli/main.js');

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the built `lichen` with these arguments to its end, as a user does. */
export function lichen(
  args: readonly string[],
  options: { cwd?: string; uid?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [COMMAND, ...args], options);
    let out = '';
    let err = '';
    child.stdout.on('data', (d: Buffer) => {
      out += d;
    });
    child.stderr.on('data', (d: Buffer) => {
      err += d;
    });
    child.once('error', failed);
    child.once('close', (code) => done({ code, out, err }));
  });
}
