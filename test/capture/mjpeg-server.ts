import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A network camera as many are: motion JPEG over HTTP on loopback, as multipart/x-mixed-replace. */
export class MjpegServer {
  /** Connections so far. */
  connections = 0;
  private readonly server: Server;
  private readonly viewers = new Set<ServerResponse>();

  constructor() {
    this.server = createServer((_, response) => {
      this.connections += 1;
      this.viewers.add(response);
      response.on('close', () => this.viewers.delete(response));
      response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=frame' });
      response.write('--frame\r\n');
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/stream`;
  }

  get viewing(): number {
    return this.viewers.size;
  }

  /** Sends a picture to everyone who watches. */
  send(picture: Buffer): void {
    for (const viewer of this.viewers) {
      viewer.write(`Content-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`);
      viewer.write(picture);
      viewer.write('\r\n--frame\r\n');
    }
  }

  /** Sends any bytes to everyone who watches. */
  sendRaw(bytes: Buffer): void {
    for (const viewer of this.viewers) viewer.write(bytes);
  }

  /** Ends all that is being watched. */
  cut(): void {
    for (const viewer of this.viewers) viewer.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
