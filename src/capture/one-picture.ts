import { execFile } from 'node:child_process';

/**
 * Runs a program that writes one picture to its standard output, and ends.
 * Rejects with the reason where it is missing, fails, writes nothing, or more than `maxBytes`.
 */
export function onePicture(
  program: string,
  args: readonly string[],
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { encoding: 'buffer', maxBuffer: maxBytes, signal, killSignal: 'SIGKILL' } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      if (!error && stdout.length > 0) {
        resolve(stdout);
        return;
      }
      const said = stderr.toString('utf8').trim().split('\n').at(-1) ?? '';
      reject(
        new Error(`${reasonOf(error, program, maxBytes)}${said === '' ? '' : `: ${said.slice(0, 500)}`}`),
      );
    });
  });
}

function reasonOf(error: (Error & { code?: unknown }) | null, program: string, maxBytes: number): string {
  if (!error) return `${program} gave nothing`;
  if (error.code === 'ENOENT') return `the program ${program} is not installed, or not on PATH`;
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
    return `${program} gave more than ${maxBytes} bytes`;
  return typeof error.code === 'number'
    ? `${program} ended with code ${error.code}`
    : `${program} failed: ${error.message.split('\n')[0]}`;
}
