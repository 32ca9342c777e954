import { execFile } from 'node:child_process';
import { packageRoot } from '../backbone/manifest.js';

/** What is run in a process of its own. It sees nothing around it: it is sent as text. */
export type Probe = (load: NodeJS.Require, ...args: string[]) => Promise<string> | string;

/** What came of it. */
export type Probed = { ok: true; answer: string } | { ok: false; why: string };

const PATIENCE_MS = 120_000;

/**
 * Runs a function in a process of its own, so that a native library that ends the process (an instruction that this
 * processor lacks) is a finding and not the end of the program that asked.
 * @param root the folder that packages are loaded from
 */
export function probe(what: Probe, args: readonly string[] = [], root = packageRoot()): Promise<Probed> {
  const script = `Promise.resolve().then(() => (${what})(require, ...process.argv.slice(1))).then(
    (answer) => process.stdout.write(answer),
    (error) => { process.stderr.write(error.message); process.exitCode = 1; });`;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=commonjs', '-e', script, '--', ...args],
      { cwd: root, timeout: PATIENCE_MS, killSignal: 'SIGKILL' },
      (error, answer, problem) => {
        if (error === null) resolve({ ok: true, answer });
        else resolve({ ok: false, why: whyNot(error, problem) });
      },
    );
  });
}

function whyNot(
  error: { signal?: NodeJS.Signals | null; killed?: boolean; message: string },
  problem: string,
) {
  if (error.killed) return `it did not answer within ${PATIENCE_MS / 1000} s`;
  if (error.signal === 'SIGILL') return 'it uses an instruction that this processor does not have (SIGILL)';
  if (error.signal) return `it ended its process with ${error.signal}`;
  // Loaders tell the paths that they looked in over many lines; the first says what is wrong.
  return problem.trim().split('\n')[0] || error.message;
}
