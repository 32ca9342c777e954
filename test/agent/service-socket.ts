import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** Binds a unix datagram socket, as systemd does for a service, and prints what comes, one message a line. */
const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " "), flush=True)
`;

/**
 * Why the socket cannot be had here, if so; under CI its programs are installed, and their absence is a failure.
 */
export function whyNoServiceSocket(): string | undefined {
  if (process.env.CI) return undefined;
  for (const program of ['systemd-notify', 'python3'])
    if (spawnSync(program, ['--version']).error) return `${program} is not installed`;
  return undefined;
}

/** A real notification socket. Node cannot bind unix datagram sockets, so Python holds it. */
export class ServiceSocket {
  readonly path: string;
  readonly messages: string[] = [];
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();

  private constructor(path: string, child: ChildProcess) {
    this.path = path;
    this.child = child;
    let rest = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      this.messages.push(...lines);
      for (const look of this.waiting) look();
    });
  }

  static async open(path: string): Promise<ServiceSocket> {
    const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const socket = new ServiceSocket(path, child);
    await socket.count('bound', 1);
    return socket;
  }

  /** Resolves when so many messages with this text have come. */
  count(text: string, times: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.messages.filter((m) => m.includes(text)).length < times) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}
