import { createWriteStream, type WriteStream } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP relay on loopback that writes down every byte that passes, in both directions: what a device says to
 * the hub can so be searched for what must never be said.
 */
export class Recorder {
  private readonly server: Server;
  private readonly file: WriteStream;
  private readonly sockets = new Set<Socket>();
  private count = 0;

  private constructor(server: Server, file: WriteStream) {
    this.server = server;
    this.file = file;
  }

  /** Listens on `port` and relays to `target`, both on loopback. */
  static start(port: number, target: number, file: string): Promise<Recorder> {
    return new Promise((resolve, reject) => {
      const server = createServer((from) => recorder.relay(from, target));
      const recorder = new Recorder(server, createWriteStream(file));
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve(recorder));
    });
  }

  /** Bytes that passed so far. */
  get bytes(): number {
    return this.count;
  }

  async stop(): Promise<void> {
    for (const s of this.sockets) s.destroy();
    await new Promise((resolve) => this.server.close(resolve));
    await new Promise((resolve) => this.file.end(resolve));
  }

  private relay(from: Socket, target: number): void {
    const to = connect(target, '127.0.0.1');
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      this.sockets.add(a);
      a.on('data', (bytes: Buffer) => {
        this.count += bytes.length;
        this.file.write(bytes);
      });
      a.pipe(b);
      // Reset, not closed: whoever asks a target that is not there hears at once that it is not.
      a.on('error', () => b.resetAndDestroy());
      a.on('close', () => {
        this.sockets.delete(a);
        b.destroy();
      });
    }
  }
}
