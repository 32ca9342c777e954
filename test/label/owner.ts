import type { SessionView } from '../../src/label/api.js';

/** A browser's side of the device's page: cookie, CSRF token, JSON. */
export class Owner {
  readonly base: string;
  /** Bytes of bodies that came, of the page and of pictures. */
  readonly got = { page: 0, pictures: 0 };
  private cookie: string | undefined;
  private csrf: string | undefined;

  constructor(port: number) {
    this.base = `http://127.0.0.1:${port}`;
  }

  async ask<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; data: T & { error?: { code: string; message: string } } }> {
    const response = await fetch(this.base + path, {
      method,
      headers: {
        ...(this.cookie && { cookie: this.cookie }),
        ...(this.csrf && { 'x-csrf-token': this.csrf }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const [cookie] = response.headers.getSetCookie();
    if (cookie) this.cookie = cookie.split(';')[0]!;
    const text = await response.text();
    this.got.page += Buffer.byteLength(text);
    return { status: response.status, data: text === '' ? null : JSON.parse(text) };
  }

  /** Asks, and expects that it was done. */
  async done<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, data } = await this.ask<T>(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(data)}`);
    return data;
  }

  async enter(password: string, first = false): Promise<SessionView> {
    const view = await this.done<SessionView>('POST', first ? '/api/session/first' : '/api/session', {
      password,
    });
    this.csrf = view.csrf;
    return view;
  }

  /** The live stream's events, up to `count` of them, or to the first of which something is true. */
  async live(
    enough: number | ((event: { kind: string; data: unknown }) => boolean),
  ): Promise<{ kind: string; data: unknown }[]> {
    const abort = new AbortController();
    const response = await fetch(`${this.base}/api/live`, {
      headers: { cookie: this.cookie! },
      signal: abort.signal,
    });
    const found: { kind: string; data: unknown }[] = [];
    let text = '';
    for await (const chunk of response.body!) {
      text += new TextDecoder().decode(chunk);
      const parts = text.split('\n\n');
      text = parts.pop()!;
      for (const part of parts) {
        const match = /^event: (.+)\ndata: (.+)$/.exec(part);
        if (match) found.push({ kind: match[1]!, data: JSON.parse(match[2]!) });
      }
      if (typeof enough === 'number' ? found.length >= enough : found.some(enough)) break;
    }
    abort.abort();
    return found;
  }

  async picture(sample: string, size = 'large'): Promise<{ status: number; bytes: Buffer }> {
    const response = await fetch(`${this.base}/api/pictures/${sample}?size=${size}`, {
      headers: { cookie: this.cookie! },
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    this.got.pictures += bytes.length;
    return { status: response.status, bytes };
  }
}
