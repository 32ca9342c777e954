import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { HubClient } from '../cli/hub-client.js';
import { LichenError } from '../errors.js';
import { LEAN_ALLOCATOR } from '../process-memory.js';
import type { DemoFolder } from './folder.js';

const COMMAND = process.argv[1]!;

/** A `lichen` command that runs in a process of its own. */
export class Program {
  readonly name: string;
  private readonly child: ChildProcess;
  private readonly log: string;
  private readonly ended: Promise<number | null>;
  private endedWith: number | null | undefined;

  private constructor(name: string, child: ChildProcess, log: string) {
    this.name = name;
    this.child = child;
    this.log = log;
    this.ended = new Promise((resolve) => {
      child.once('exit', (code) => {
        this.endedWith = code;
        resolve(code);
      });
    });
  }

  /** Starts `lichen <args>`; what it prints goes to logs/<name>.log in the folder. */
  static start(folder: DemoFolder, name: string, args: readonly string[]): Program {
    const log = folder.at('logs', `${name}.log`);
    const out = openSync(log, 'a');
    const child = spawn(process.execPath, [COMMAND, ...args], {
      stdio: ['ignore', out, out],
      cwd: folder.root,
      env: { ...LEAN_ALLOCATOR, ...process.env },
    });
    closeSync(out);
    return new Program(name, child, log);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Throws what the program last said, if it has ended by itself. */
  check(): void {
    if (this.endedWith === undefined) return;
    const said = readFileSync(this.log, 'utf8').trim().split('\n').slice(-5).join('\n');
    throw new LichenError(
      'demo-program-ended',
      `lichen ${this.name} ended with ${this.endedWith}; its log ends:\n${said}`,
    );
  }

  /** Ends it as a person or systemd does. */
  async stop(): Promise<void> {
    if (this.endedWith === undefined) this.child.kill('SIGTERM');
    await this.ended;
  }

  /** Ends it as a power failure does. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Leaves it running when this process ends. */
  release(): void {
    this.child.unref();
  }
}

/** Runs `lichen <args> --json` to its end and returns what it printed. */
export function run<T>(folder: DemoFolder, args: readonly string[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args, '--json'], { cwd: folder.root });
    let out = '';
    let errors = '';
    child.stdout.on('data', (d: Buffer) => {
      out += d;
    });
    child.stderr.on('data', (d: Buffer) => {
      errors += d;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      // 1 is an answer, too: 'no'.
      if (code === 0 || code === 1) resolve(JSON.parse(out) as T);
      else
        reject(new LichenError('demo-command-failed', `lichen ${args.join(' ')} failed: ${errors.trim()}`));
    });
  });
}

/** Waits until something holds; programs that it depends on must not have ended meanwhile. */
export async function until<T>(what: () => Promise<T | undefined>, programs: readonly Program[]): Promise<T> {
  for (;;) {
    for (const p of programs) p.check();
    const found = await what();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Starts the hub and waits until it answers. */
export async function startHub(
  folder: DemoFolder,
  port: number,
): Promise<{ program: Program; client: HubClient }> {
  const program = Program.start(folder, 'hub', ['hub', '--config', folder.at('hub.yaml')]);
  const client = new HubClient(`http://127.0.0.1:${port}`);
  await until(async () => ((await client.healthy()) ? true : undefined), [program]);
  return { program, client };
}

/** Starts an agent and waits until the hub sees it online, with a later start than before. */
export async function startAgent(folder: DemoFolder, device: string, hub: HubClient): Promise<Program> {
  const before = (await hub.device(device))?.boot ?? -1;
  const program = Program.start(folder, device, ['agent', '--config', folder.at(`${device}.yaml`)]);
  await until(async () => {
    const seen = await hub.device(device);
    return seen && seen.state === 'online' && seen.boot > before ? seen : undefined;
  }, [program]);
  return program;
}
