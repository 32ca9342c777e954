import { type ChildProcess, spawn } from 'node:child_process';
import { LichenError } from '../../src/errors.js';
import { type Measured, messages, type Ready, type Request } from './protocol.js';

/** How much of what a process complained of an error repeats. */
const TAIL = 800;

/** One side of a comparison: a process of its own that stays warm and trains when asked. */
export class Contestant {
  readonly ready: Ready;
  private readonly child: ChildProcess;
  private readonly next: () => Promise<Measured>;

  private constructor(child: ChildProcess, ready: Ready, next: () => Promise<Measured>) {
    this.child = child;
    this.ready = ready;
    this.next = next;
  }

  /**
   * Starts a program that speaks the protocol, and waits until it is warm.
   * @param env what it is given beside this process's environment
   * @throws LichenError `bench-peer-failed` when it ends before
   */
  static async start(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Contestant> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-TAIL);
    });
    const what = [command, ...args].join(' ');
    const ended = new Promise<never>((_, reject) => {
      const fail = (how: string) =>
        reject(new LichenError('bench-peer-failed', `'${what}' ended (${how}): ${complaints.trim()}`));
      child.once('error', (error) => fail(error.message));
      child.once('close', (code, signal) => fail(String(code ?? signal)));
    });
    // The end of a process that nobody waits for any more is no failure.
    ended.catch(() => {});
    const answers = messages<Ready | Measured>(child.stdout);
    const answer = async () => {
      const message = await Promise.race([answers(), ended]);
      // Its output is over, its end about to be told.
      return message ?? (await ended);
    };
    child.stdin.on('error', () => {});
    try {
      return new Contestant(child, (await answer()) as Ready, answer as () => Promise<Measured>);
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /** Trains so many steps. */
  run(steps: number): Promise<Measured> {
    const request: Request = { steps };
    this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    return this.next();
  }

  /** Lets it end by itself. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stdin!.end();
    await closed;
  }
}
