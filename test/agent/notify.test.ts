import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Notifier } from '../../src/agent/notify.js';
import { scratchFolder } from '../store/scratch.js';
import { ServiceSocket, whyNoServiceSocket } from './service-socket.js';

const scratch = scratchFolder();
const skip = whyNoServiceSocket();

describe.skipIf(skip !== undefined)(`under a service manager${skip ? ` (skipped: ${skip})` : ''}`, () => {
  let socket: ServiceSocket;
  beforeEach(async () => {
    socket = await ServiceSocket.open(scratch.path('notify'));
  });
  afterEach(() => socket.close());

  const environment = (more: NodeJS.ProcessEnv = {}) => ({ NOTIFY_SOCKET: socket.path, ...more });

  /** systemd-notify finds the socket in the environment of this process. */
  async function withSocket(work: () => Promise<void>): Promise<void> {
    process.env.NOTIFY_SOCKET = socket.path;
    try {
      await work();
    } finally {
      delete process.env.NOTIFY_SOCKET;
    }
  }

  it('says when it is ready, what it does, and when it ends', () =>
    withSocket(async () => {
      const notifier = new Notifier(environment());
      await notifier.ready();
      await notifier.status('training tops');
      await notifier.stopping();
      await socket.count('STOPPING=1', 1);
      expect(socket.messages.join('\n')).toMatch(/READY=1.*STATUS=training tops.*STOPPING=1/s);
    }));

  it('feeds the watchdog for as long as work goes on, and not when it does not', () =>
    withSocket(async () => {
      const notifier = new Notifier(environment({ WATCHDOG_USEC: '200000' }));
      await notifier.ready();
      const working = setInterval(() => notifier.progress(), 20);
      await socket.count('WATCHDOG=1', 3);
      clearInterval(working);
      // One feeding may still be due for what was done before; then there is none.
      await new Promise((resolve) => setTimeout(resolve, 400));
      const fed = socket.messages.filter((m) => m.includes('WATCHDOG=1')).length;
      await new Promise((resolve) => setTimeout(resolve, 800));
      expect(socket.messages.filter((m) => m.includes('WATCHDOG=1'))).toHaveLength(fed);
      await notifier.stopping();
    }));

  it("does not feed another process's watchdog", () =>
    withSocket(async () => {
      const notifier = new Notifier(environment({ WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' }));
      await notifier.ready();
      const working = setInterval(() => notifier.progress(), 10);
      await new Promise((resolve) => setTimeout(resolve, 500));
      clearInterval(working);
      await notifier.stopping();
      await socket.count('STOPPING=1', 1);
      expect(socket.messages.filter((m) => m.includes('WATCHDOG'))).toEqual([]);
    }));
});

describe('with no service manager', () => {
  it('does nothing, and never fails', async () => {
    const notifier = new Notifier({});
    await notifier.ready();
    notifier.progress();
    await notifier.stopping();
  });
});
