import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Posted {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A real HTTP server that records what is posted to it, and answers as the test says. */
export class WebhookServer {
  readonly posted: Posted[] = [];
  /** Answers a request; `index` counts them from 0. A request that it leaves alone hangs. */
  answer: (response: ServerResponse, index: number) => void = (response) => response.writeHead(204).end();
  port = 0;
  private server: Server | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Body bytes that came. */
  get bytes(): number {
    return this.posted.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  }

  /** Starts, and starts again on the same port. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { url = '', headers } = request;
        this.posted.push({ path: url, headers, body: Buffer.concat(parts).toString() });
        this.answer(response, this.posted.length - 1);
      });
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }
}
