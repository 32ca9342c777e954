import type { ServerResponse } from 'node:http';

const KEEPALIVE_MS = 15_000;
/** A reader who is this many bytes behind is let go; it connects again and begins anew. */
const MAX_BEHIND_BYTES = 8 * 1024 * 1024;

/** Server-sent events to everybody who is connected. */
export class EventStream {
  private readonly readers = new Set<ServerResponse>();
  private keepalive: NodeJS.Timeout | undefined;
  private readonly sent: (reader: ServerResponse, bytes: number) => void;

  /** @param sent told of what is handed to the network, for each reader; bytes */
  constructor(sent: (reader: ServerResponse, bytes: number) => void = () => {}) {
    this.sent = sent;
  }

  get readersConnected(): number {
    return this.readers.size;
  }

  /** Sends what a reader is to begin with, and everything from then on, until it goes away. */
  serve(response: ServerResponse, first: string): void {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    this.write(response, first, Buffer.byteLength(first));
    this.readers.add(response);
    response.once('close', () => this.readers.delete(response));
    this.keepalive ??= setInterval(() => this.send(': still here\n\n'), KEEPALIVE_MS);
  }

  send(text: string): void {
    const bytes = Buffer.byteLength(text);
    for (const reader of this.readers) {
      if (reader.writableLength > MAX_BEHIND_BYTES) reader.destroy();
      else this.write(reader, text, bytes);
    }
  }

  /** Ends every stream. */
  stop(): void {
    clearInterval(this.keepalive);
    this.keepalive = undefined;
    for (const reader of this.readers) reader.end();
    this.readers.clear();
  }

  private write(reader: ServerResponse, text: string, bytes: number): void {
    reader.write(text);
    this.sent(reader, bytes);
  }
}

/** An event as it is sent. JSON holds no line break, so one data line carries it whole. */
export function eventMessage(kind: string, data: unknown): string {
  return `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
}
