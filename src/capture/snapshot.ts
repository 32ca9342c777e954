import { z } from 'zod';
import { httpAddress } from '../config/address.js';
import { duration } from '../config/units.js';
import { messageOf } from '../errors.js';
import { cameraShape } from './common-config.js';

/** A camera that gives its newest picture at an address. */
export const snapshotSchema = z.strictObject({
  kind: z
    .literal('snapshot')
    .describe('What kind of source it is: a picture at an HTTP address, asked for again and again.'),
  url: httpAddress().describe(
    'Where the picture is; user and password may stand in it: http://user:password@camera/snapshot.jpg.',
  ),
  every: duration(50).default(1000).describe('How often it is asked for; time such as 5 s.'),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .describe('Further headers of the request, such as Authorization.'),
  ...cameraShape,
  stall: duration(100)
    .default(10_000)
    .describe('An answer that takes longer is given up; time such as 10 s.'),
  retryMax: duration(100).default(60_000).describe('Longest time between two attempts after failures.'),
});
export type SnapshotConfig = z.infer<typeof snapshotSchema>;

/**
 * Asks for a picture, and tells the server which one was had before (ETag, Last-Modified), so that one that is not new
 * is not sent again.
 */
export class SnapshotClient {
  private readonly url: string;
  private readonly headers: Record<string, string>;
  private readonly maxBytes: number;
  private known: Record<string, string> = {};

  constructor({ url, headers, maxBytes }: Pick<SnapshotConfig, 'url' | 'headers' | 'maxBytes'>) {
    const { username, password } = new URL(url);
    // fetch takes no user and password in an address.
    const bare = new URL(url);
    bare.username = '';
    bare.password = '';
    this.url = bare.href;
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.headers = {
      ...(username !== '' && { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }),
      ...headers,
    };
    this.maxBytes = maxBytes;
  }

  /** The newest picture; undefined where it is the one had before. Rejects with the reason. */
  async take(signal: AbortSignal): Promise<Buffer | undefined> {
    const response = await this.get(signal);
    if (response.status === 304) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`${this.url} answers ${response.status} ${response.statusText}`.trim());
    }
    const bytes = await this.read(response);
    const etag = response.headers.get('etag');
    const modified = response.headers.get('last-modified');
    this.known = {
      ...(etag !== null && { 'if-none-match': etag }),
      ...(modified !== null && { 'if-modified-since': modified }),
    };
    return bytes;
  }

  private async get(signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(this.url, { headers: { ...this.known, ...this.headers }, signal });
    } catch (error) {
      // fetch says why only in the cause.
      const { cause } = error as Error;
      throw new Error(`${this.url} is not reachable: ${messageOf(cause ?? error)}`, { cause: error });
    }
  }

  /** The body, as far as the cap allows. */
  private async read(response: Response): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of response.body ?? []) {
      length += part.length;
      if (length > this.maxBytes) throw new Error(`${this.url} answers more than ${this.maxBytes} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  }
}
