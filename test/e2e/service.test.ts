import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ServiceSocket, whyNoServiceSocket } from '../agent/service-socket.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const skip = whyNoServiceSocket();

describe.skipIf(skip !== undefined)(`as a service${skip ? ` (skipped: ${skip})` : ''}`, () => {
  it.each(['agent', 'hub'])(
    '%s tells when it is ready, lives on while idle, and ends at SIGTERM',
    async (command) => {
      const config = scratch.path('config.yaml');
      writeFileSync(
        config,
        command === 'agent'
          ? `store: ${scratch.path('store')}\nmqtt: { url: "mqtt://127.0.0.1:9" }\n`
          : `store: ${scratch.path('store')}\nmqtt: { port: 0 }\nhttp: { port: 0 }\n`,
      );
      const socket = await ServiceSocket.open(scratch.path('notify'));
      const child = spawn(process.execPath, [resolve('dist/src/cli/main.js'), command, '--config', config], {
        env: { ...process.env, NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '2000000' },
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      try {
        await socket.count('READY=1', 1);
        await socket.count('WATCHDOG=1', 3);
        child.kill('SIGTERM');
        await socket.count('STOPPING=1', 1);
        expect(await ended).toEqual([0, null]);
      } finally {
        child.kill('SIGKILL');
        socket.close();
      }
    },
  );
});
