import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';

/** A TypeScript program bundled so that plain node runs it as a process of its own, which tests may kill. */
export class ChildProgram {
  readonly folder: string;
  private readonly file: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, 'child.mjs');
  }

  /** Bundles the program at an absolute path. */
  static async from(source: string): Promise<ChildProgram> {
    const program = new ChildProgram(mkdtempSync(join(tmpdir(), 'lichen-child-')));
    const libsql = pathToFileURL(createRequire(import.meta.url).resolve('libsql')).href;
    await build({
      configFile: false,
      logLevel: 'warn',
      build: {
        ssr: source,
        outDir: program.folder,
        emptyOutDir: true,
        rollupOptions: {
          external: ['libsql'],
          output: { entryFileNames: 'child.mjs', paths: { libsql } },
        },
      },
    });
    return program;
  }

  /** Starts the program with one argument, if wanted as another user or through another command. */
  start(argument: string, options: { uid?: number; through?: readonly string[] } = {}): RunningChild {
    const [command, ...words] = [...(options.through ?? []), process.execPath, this.file, argument];
    return new RunningChild(spawn(command!, words, { stdio: ['ignore', 'pipe', 'pipe'], uid: options.uid }));
  }

  /** Deletes the bundle. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One run of a child program: the lines that it printed, and its end. */
export class RunningChild {
  readonly lines: string[] = [];
  errors = '';
  /** Settles when the process and its output have ended; true when it ended by itself with exit code 0. Rejects when it could not start. */
  readonly ended: Promise<boolean>;
  private readonly child: ChildProcess;
  private readonly waiting: { count: number; resume: () => void }[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.lines.push(line);
      for (const { count, resume } of this.waiting) if (this.lines.length >= count) resume();
    });
    child.stderr!.on('data', (chunk) => {
      this.errors += String(chunk);
    });
    this.ended = new Promise((resolve, reject) => {
      // A program that cannot be started at all never closes.
      child.on('error', reject);
      child.on('close', (code) => {
        for (const { resume } of this.waiting) resume();
        resolve(code === 0);
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Waits until the program has printed so many lines, or has ended. */
  async printed(count: number): Promise<void> {
    if (this.lines.length >= count) return;
    await Promise.race([new Promise<void>((resume) => this.waiting.push({ count, resume })), this.ended]);
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
