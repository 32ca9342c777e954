import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A child process that runs a TypeScript file of this project, with what it has written so far. */
export interface TypeScriptProcess {
  child: ChildProcess;
  /** Everything that it wrote to standard output and standard error. */
  output: () => string;
  /** The first line of standard output that starts with `prefix`; rejects when the process ends before it. */
  line: (prefix: string) => Promise<string>;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

const loader = fileURLToPath(new URL('typescript-loader.mjs', import.meta.url));

/**
 * Starts `node` on a TypeScript file of the project, in a process of its own that a test may kill. Nothing needs to
 * be built first. The caller ends the process.
 */
export function spawnTypeScript(
  file: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): TypeScriptProcess {
  const child = spawn(process.execPath, ['--import', loader, '--enable-source-maps', file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let out = '';
  let err = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    for (const look of waiting) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 1));
  });
  const line = (prefix: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const complete = out.split('\n').slice(0, -1);
        const found = complete.find((text) => text.startsWith(prefix));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      ended.then(
        (how) => reject(new Error(`${file} ended (${how}) before it wrote '${prefix}':\n${out}\n${err}`)),
        reject,
      );
    });
  return { child, output: () => out + err, line, ended };
}
