import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { packageRoot } from '../../src/backbone/manifest.js';
import { loadConfig } from '../../src/config/load.js';
import { hubConfigSchema } from '../../src/hub/config.js';
import { LEAN_ALLOCATOR } from '../../src/process-memory.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const folder = join(packageRoot(), 'systemd');
const UNITS = ['lichen-agent.service', 'lichen-hub.service'];
const installed = spawnSync('systemd-analyze', ['--version']).error === undefined;
// Under CI systemd is installed, and its absence is a failure.
const skip = !installed && !process.env.CI;

/** The unit with a program that this machine has; without what it has not, where that matters. */
function runnable(unit: string, without = /^$/): string {
  const text = readFileSync(join(folder, unit), 'utf8').replace('/usr/bin/node', process.execPath);
  const file = scratch.path(unit);
  writeFileSync(
    file,
    text
      .split('\n')
      .filter((line) => !without.test(line))
      .join('\n'),
  );
  return file;
}

it('starts the agent with a lean allocator: the unit, and the command itself', () => {
  const settings = Object.entries(LEAN_ALLOCATOR).map(([name, value]) => `${name}=${value}`);
  const unit = readFileSync(join(folder, 'lichen-agent.service'), 'utf8');
  expect(unit).toContain(`\nEnvironment=${settings.join(' ')}\n`);
  const command = readFileSync(join(packageRoot(), 'src/cli/main.ts'), 'utf8');
  expect(command.split('\n', 1)[0]).toBe(`#!/usr/bin/env -S ${settings.join(' ')} node`);
});

describe.each(UNITS)('%s', (unit) => {
  const text = readFileSync(join(folder, unit), 'utf8');

  it('tells systemd when it is ready and that it lives, and is started directly', () => {
    expect(text).toMatch(/^Type=notify$/m);
    expect(text).toMatch(/^NotifyAccess=all$/m);
    expect(text).toMatch(/^WatchdogSec=\d+$/m);
    expect(text).toMatch(/^ExecStart=\/usr\/bin\/node \/opt\/lichen\/dist\/src\/cli\/main\.js (agent|hub) /m);
    expect(text).toMatch(/^Restart=on-failure$/m);
    expect(text).toMatch(/^MemoryMax=\d+M$/m);
    expect(text).not.toMatch(/^MemoryDenyWriteExecute=/m);
  });

  it.skipIf(skip)('is one that systemd-analyze has nothing to say about', () => {
    const absent = /^(Documentation|User|Group|SupplementaryGroups)=/;
    const { status, stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', runnable(unit, absent)],
      {
        encoding: 'utf8',
      },
    );
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });

  it.skipIf(skip)('is confined: exposure below 2 of 10', () => {
    const { status, stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', '--threshold=20', '--no-pager', runnable(unit)],
      { encoding: 'utf8' },
    );
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});

describe('the example settings', () => {
  it('of the agent are ones that it takes', () => {
    const config = loadConfig(agentConfigSchema, join(folder, 'agent.yaml'), {});
    expect(config.sources).toMatchObject([{ layout: 'class' }, { layout: 'flat' }]);
    expect(config.replay.cap).toBe(64 * 2 ** 20);
  });

  it('of the hub are ones that it takes', () => {
    expect(loadConfig(hubConfigSchema, join(folder, 'hub.yaml'), {}).http.host).toBe('127.0.0.1');
  });
});
