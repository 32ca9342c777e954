import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { HubClient } from '../../src/cli/hub-client.js';
import type { Ports } from '../../src/demo/folder.js';

const COMMAND = resolve('dist/src/cli/main.js');

/** A built `lichen` daemon in a process of its own, with everything that it logged. */
export class Running {
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  private readonly child: ChildProcess;
  private said = '';
  private end: number | NodeJS.Signals | undefined;

  /** @param settings written to `file`, from which the command reads them */
  constructor(command: 'hub' | 'agent', file: string, settings: object) {
    writeFileSync(file, stringify(settings));
    this.child = spawn(process.execPath, [COMMAND, command, '--config', file]);
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    }
    this.ended = new Promise((done, failed) => {
      this.child.once('error', failed);
      this.child.once('close', (code, signal) => {
        this.end = code ?? signal ?? 1;
        done(this.end);
      });
    });
  }

  get log(): string {
    return this.said;
  }

  get pid(): number {
    return this.child.pid!;
  }

  get alive(): boolean {
    return this.end === undefined;
  }

  /** Waits until something holds; the program must not end meanwhile. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) {
      if (!this.alive) throw new Error(`the program ended with ${this.end}; it said:\n${this.said}`);
      await new Promise((next) => setTimeout(next, 20));
    }
  }

  /** Waits until it has logged a text. */
  logged(text: string): Promise<void> {
    return this.until(() => this.said.includes(text));
  }

  /** As a person or systemd ends it. */
  stop(): Promise<number | NodeJS.Signals> {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  /** As a power failure ends it. */
  kill(): Promise<number | NodeJS.Signals> {
    this.child.kill('SIGKILL');
    return this.ended;
  }
}

/** Starts a hub on these ports and waits until it answers. */
export async function startHub(
  folder: string,
  ports: Ports,
): Promise<{ program: Running; client: HubClient }> {
  const program = new Running('hub', `${folder}.yaml`, {
    store: folder,
    mqtt: { port: ports.mqtt },
    http: { port: ports.http },
    keep: { events: 10_000, results: 10_000 },
  });
  const client = new HubClient(`http://127.0.0.1:${ports.http}`);
  await program.until(() => client.healthy());
  return { program, client };
}
