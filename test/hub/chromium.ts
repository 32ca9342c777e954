import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Whether tests in a real browser run here, and the reason to give where they do not. */
export const chromium = {
  runs: spawnSync('chromium', ['--version']).error === undefined,
  reason: 'skipped: chromium is not installed (Debian: apt-get install chromium)',
};

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--no-zygote',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  '--remote-debugging-pipe',
];

interface Reply {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** A page in a headless Chromium of its own, steered over its debugging pipe. */
export class Chromium {
  /** What the page logged, threw, or was refused by its Content-Security-Policy. */
  readonly complaints: string[] = [];
  private readonly child: ChildProcess;
  private readonly folder: string;
  private readonly waiting = new Map<
    number,
    { resolve: (reply: Reply) => void; reject: (error: Error) => void }
  >();
  /** What is waited for: the last expression given to `until`, for the report of a test that ended while it waited. */
  awaited = '';
  private session: string | undefined;
  private last = 0;

  private constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.folder = folder;
    let text = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (text + chunk).split('\0');
      text = messages.pop()!;
      for (const message of messages) this.receive(JSON.parse(message) as Reply);
    });
    const failed = (error: Error) => {
      for (const { reject } of this.waiting.values()) reject(error);
    };
    child.once('error', failed);
    child.once('exit', (code) => failed(new Error(`chromium ended with code ${code}`)));
  }

  static async open(
    url: string,
    options: { width?: number; height?: number; dark?: boolean } = {},
  ): Promise<Chromium> {
    const folder = mkdtempSync(join(tmpdir(), 'lichen-chromium-'));
    const child = spawn('chromium', [...FLAGS, `--user-data-dir=${folder}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const browser = new Chromium(child, folder);
    const { targetId } = await browser.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.call('Target.attachToTarget', { targetId, flatten: true });
    browser.session = sessionId as string;
    await browser.call('Runtime.enable');
    await browser.call('Log.enable');
    await browser.resize(options.width ?? 1200, options.height ?? 900, options.dark);
    await browser.call('Page.navigate', { url });
    return browser;
  }

  /** The value of a JavaScript expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = (await this.call('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value: unknown }; exceptionDetails?: { text: string } };
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.text}`);
    return result.value;
  }

  /** Waits, without a limit, until the page is there and an expression in it is true. */
  async until(expression: string): Promise<void> {
    this.awaited = expression;
    // While the page comes, it has not all the elements to look into: looking at one of them throws.
    const there = `(() => { try { return (${expression}); } catch (error) { if (error instanceof TypeError) return false; throw error; } })()`;
    while ((await this.evaluate(there)) !== true) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Presses a key, as a person without a pointer does. */
  async press(key: string): Promise<void> {
    const codes: Record<string, number> = { Tab: 9, Enter: 13, ' ': 32 };
    const event = {
      key,
      code: key === ' ' ? 'Space' : key,
      windowsVirtualKeyCode: codes[key],
      text: key === 'Enter' ? '\r' : key === ' ' ? ' ' : undefined,
    };
    await this.call('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
    await this.call('Input.dispatchKeyEvent', { type: 'keyUp', ...event, text: undefined });
  }

  /** Types into what has the focus. */
  async write(text: string): Promise<void> {
    await this.call('Input.insertText', { text });
  }

  /** Goes by the Tab key to the first element on the way that a selector matches; it throws where none does. */
  async tabTo(selector: string): Promise<void> {
    const here = `document.activeElement?.matches(${JSON.stringify(selector)}) === true`;
    const stops =
      'document.querySelectorAll("a, button, input, select, textarea, summary, [tabindex]").length';
    for (let left = Number(await this.evaluate(stops)) + 2; !(await this.evaluate(here)); left--) {
      if (left < 0) throw new Error(`no Tab comes to ${selector}`);
      await this.press('Tab');
    }
  }

  /** Waits for an element that can be clicked, and clicks it with the mouse, as a person does. */
  async click(selector: string): Promise<void> {
    const found = `document.querySelector(${JSON.stringify(selector)})`;
    await this.until(`${found} !== null && !${found}.disabled`);
    // What moved in is waited for: a person does not click on what flies by.
    const where = `(() => { const e = ${found}; e.scrollIntoView({ block: 'center', behavior: 'instant' });
      const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2].join(); })()`;
    let at = '';
    for (let now = await this.evaluate(where); now !== at; now = await this.evaluate(where)) {
      at = String(now);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const [x, y] = at.split(',').map(Number);
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased']) {
      await this.call('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
    }
  }

  /** Types into a field that is clicked first; what was in it goes. */
  async type(selector: string, text: string): Promise<void> {
    await this.click(selector);
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).select()`);
    await this.call('Input.insertText', { text });
  }

  /** Sets what the page is seen with. */
  async resize(width: number, height: number, dark = false): Promise<void> {
    await this.call('Emulation.setDeviceMetricsOverride', {
      ...{ width, height, deviceScaleFactor: 1, mobile: width < 600 },
    });
    const scheme = dark ? 'dark' : 'light';
    await this.call('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
  }

  /** A PNG of the whole page, or of what is seen without scrolling. */
  async screenshot(whole = true): Promise<Buffer> {
    const { data } = await this.call('Page.captureScreenshot', { captureBeyondViewport: whole });
    return Buffer.from(data as string, 'base64');
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.session = undefined;
    // It ends its helper processes, too; the answer may be lost as the pipe closes.
    this.call('Browser.close').catch(() => undefined);
    await ended;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  }

  private call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.last;
    const message = JSON.stringify({ id, method, params, sessionId: this.session });
    return new Promise((resolve, reject) => {
      this.waiting.set(id, {
        reject,
        resolve: ({ result, error }) => {
          if (error) reject(new Error(`${method}: ${error.message}`));
          else resolve(result ?? {});
        },
      });
      (this.child.stdio[3] as Writable).write(`${message}\0`);
    });
  }

  private receive(reply: Reply): void {
    if (reply.id !== undefined) {
      this.waiting.get(reply.id)?.resolve(reply);
      this.waiting.delete(reply.id);
    } else if (reply.method === 'Runtime.exceptionThrown' || reply.method === 'Runtime.consoleAPICalled') {
      this.complaints.push(JSON.stringify(reply.params));
    } else if (reply.method === 'Log.entryAdded') {
      const { entry } = reply.params as { entry: { level: string; text: string; url?: string } };
      if (entry.level === 'error') this.complaints.push(`${entry.text} ${entry.url ?? ''}`);
    }
  }
}
