import { execFile } from 'node:child_process';

/** How often `progress` must have been called for the watchdog to be fed: at half of systemd's limit. */
const SHARE_OF_LIMIT = 0.5;

/**
 * Tells systemd how the service is doing, through the `systemd-notify` program: Node cannot send to unix
 * datagram sockets without a native module. The message comes from a child of the service, so the unit needs
 * NotifyAccess=all. Without a NOTIFY_SOCKET everything here does nothing; nothing here ever throws.
 */
export class Notifier {
  private readonly active: boolean;
  private readonly watchdogMs: number;
  private timer: NodeJS.Timeout | undefined;
  private progressed = true;

  constructor(env: NodeJS.ProcessEnv = process.env) {
    this.active = Boolean(env.NOTIFY_SOCKET);
    const microseconds = Number(env.WATCHDOG_USEC ?? 0);
    const meant = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
    this.watchdogMs = this.active && meant && microseconds > 0 ? (microseconds / 1000) * SHARE_OF_LIMIT : 0;
  }

  /** The service is up. From here on the watchdog is fed for as long as `progress` is called. */
  async ready(): Promise<void> {
    await this.send('--ready');
    if (this.watchdogMs === 0) return;
    this.timer = setInterval(() => {
      if (!this.progressed) return;
      this.progressed = false;
      void this.send('WATCHDOG=1');
    }, this.watchdogMs);
    this.timer.unref();
  }

  /** The service is ending. */
  async stopping(): Promise<void> {
    clearInterval(this.timer);
    await this.send('STOPPING=1');
  }

  /** One line for `systemctl status`. */
  status(text: string): Promise<void> {
    return this.send(`--status=${text}`);
  }

  /** Work went on: a picture was answered, a step was trained, or an idle loop came round. */
  progress(): void {
    this.progressed = true;
  }

  private send(message: string): Promise<void> {
    if (!this.active) return Promise.resolve();
    return new Promise((resolve) => {
      execFile('systemd-notify', [`--pid=${process.pid}`, message], () => resolve());
    });
  }
}
