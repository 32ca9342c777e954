import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes, type AedesOptions } from 'aedes';

/** A broker over TCP on loopback that a test may stop, and start again on the same port. */
export interface TestBroker {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  /** Ends it, and every connection to it. */
  stop(): Promise<void>;
  /** Ends it for good and removes what it left. */
  remove(): Promise<void>;
}

/** aedes in this process: MQTT 3.1.1. */
export class AedesBroker implements TestBroker {
  port = 0;
  broker: Aedes | undefined;
  private readonly options: AedesOptions;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();

  constructor(options: AedesOptions = {}) {
    this.options = options;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const broker = await Aedes.createBroker(this.options);
    this.broker = broker;
    const server = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      broker.handle(socket);
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const { server, broker } = this;
    this.server = undefined;
    this.broker = undefined;
    if (server === undefined || broker === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.cut();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    await closed;
  }

  /** Breaks every connection and goes on listening. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async remove(): Promise<void> {
    await this.stop();
  }
}

/** mosquitto in a process of its own: MQTT 3.1.1 and 5. */
export class MosquittoBroker implements TestBroker {
  port = 0;
  private readonly folder = mkdtempSync(join(tmpdir(), 'lichen-mosquitto-'));
  private child: ChildProcess | undefined;
  private readonly settings: readonly string[];

  constructor(settings: readonly string[] = []) {
    this.settings = settings;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort();
    const config = join(this.folder, 'mosquitto.conf');
    const lines = [`listener ${this.port} 127.0.0.1`, 'allow_anonymous true', 'persistence false'];
    writeFileSync(config, [...lines, ...this.settings, ''].join('\n'));
    const child = spawn('mosquitto', ['-c', config], { env: withSbin(), stdio: 'ignore' });
    this.child = child;
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
    });
    child.once('exit', (code) => {
      failure ??= new Error(`mosquitto ended with code ${code}`);
    });
    while (!(await accepts(this.port))) {
      if (failure !== undefined) throw failure;
    }
  }

  async stop(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * Whether tests against mosquitto run here. In CI they always do, and fail where it is missing; elsewhere they are
 * skipped with this reason.
 */
export const mosquitto = {
  runs:
    process.env.CI !== undefined || spawnSync('mosquitto', ['-h'], { env: withSbin() }).error === undefined,
  reason: 'skipped: mosquitto is not installed (Debian: apt-get install mosquitto)',
};

function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => setTimeout(() => resolve(false), 20));
  });
}
