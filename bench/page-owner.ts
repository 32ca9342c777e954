import { setTimeout as sleep } from 'node:timers/promises';
import { LichenError } from '../src/errors.js';
import type { EventView, FrameView, SessionView } from '../src/label/api.js';

/** Somebody who looks at the page: its stream, and every picture. */
export class PageOwner {
  newest: FrameView | undefined;
  /** Why a training failed, where one did. */
  failed: string | undefined;
  private readonly base: string;
  private readonly password: string;
  private readonly abort = new AbortController();
  private headers: Record<string, string> = {};

  constructor(port: number, password: string) {
    this.password = password;
    this.base = `http://127.0.0.1:${port}`;
  }

  /** @param alive whether the agent is still there to be asked */
  async enter(alive: () => boolean): Promise<void> {
    for (;;) {
      try {
        const response = await fetch(`${this.base}/api/session`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ password: this.password }),
        });
        const { csrf } = (await response.json()) as SessionView;
        const cookie = response.headers.getSetCookie()[0]!.split(';')[0]!;
        this.headers = { cookie, 'x-csrf-token': csrf!, 'content-type': 'application/json' };
        return;
      } catch {
        if (!alive()) throw new LichenError('bench-agent', 'the agent ended before it answered; see above');
        // It has not started yet.
        await sleep(200);
      }
    }
  }

  async ask<T>(method: string, path: string, body?: object): Promise<T> {
    const init = {
      method,
      headers: this.headers,
      ...(method === 'POST' && { body: JSON.stringify(body ?? {}) }),
    };
    const response = await fetch(this.base + path, init);
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  async watch(): Promise<void> {
    const { signal } = this.abort;
    const response = await fetch(`${this.base}/api/live`, { headers: this.headers, signal });
    void this.read(response).catch(() => {});
  }

  leave(): void {
    this.abort.abort();
  }

  private async read(response: Response): Promise<void> {
    let text = '';
    for await (const chunk of response.body!) {
      text += new TextDecoder().decode(chunk);
      const events = text.split('\n\n');
      text = events.pop()!;
      for (const event of events) {
        const [, kind, data] = /^event: (frame|event)\ndata: (.+)$/.exec(event) ?? [];
        if (data === undefined) continue;
        if (kind === 'event') {
          const told = JSON.parse(data) as EventView;
          if (told.kind === 'training-failed') this.failed = told.message;
          continue;
        }
        this.newest = JSON.parse(data) as FrameView;
        const picture = await fetch(`${this.base}/api/pictures/${this.newest.sample}`, {
          headers: this.headers,
        });
        await picture.arrayBuffer();
      }
    }
  }
}
