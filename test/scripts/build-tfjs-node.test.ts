import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
const here = process.platform === 'linux' && process.arch === 'x64';

function run(args: string[], env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr } = spawnSync('bash', ['scripts/build-tfjs-node.sh', ...args], {
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('scripts/build-tfjs-node.sh', () => {
  it('says what it does, and needs', () => {
    const { status, stdout } = run(['--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/usage: scripts\/build-tfjs-node\.sh \[--force\] FOLDER/);
    expect(stdout).toMatch(/Needs node, npm, g\+\+ and python3 with pip/);
  });

  it.each([
    ['no folder', [], /usage:/],
    ['two folders', ['a', 'b'], /one folder only, got 'a' and 'b'/],
    ['an option that there is not', ['--fast', 'a'], /there is no option --fast/],
  ])('refuses %s', (_, args, message) => {
    const { status, stderr } = run(args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });

  it.skipIf(!here)('fetches nothing into a folder that has other things in it, or that npm clears', () => {
    const full = scratch.path('full');
    mkdirSync(full);
    writeFileSync(`${full}/letter.txt`, 'mine');
    expect(run([full])).toMatchObject({ status: 2, stderr: expect.stringMatching(/has other things in it/) });
    expect(run([`${full}/letter.txt`])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/is not a folder/),
    });
    const inside = scratch.path('node_modules/tf');
    expect(run([inside])).toMatchObject({ status: 2, stderr: expect.stringMatching(/inside node_modules/) });
    expect(existsSync(inside)).toBe(false);
  });

  it.skipIf(!here)('says which tools are missing before it makes a folder', () => {
    const bin = scratch.path('bin');
    mkdirSync(bin);
    const found = spawnSync('bash', ['-c', 'command -v uname grep bash'], { encoding: 'utf8' });
    for (const program of found.stdout.trim().split('\n'))
      symlinkSync(program, `${bin}/${program.split('/').at(-1)}`);
    writeFileSync(`${bin}/python3`, '#!/bin/bash\nexit 1\n');
    chmodSync(`${bin}/python3`, 0o755);
    const folder = scratch.path('never');
    const { status, stderr } = run([folder], { PATH: bin });
    expect(status).toBe(1);
    expect(stderr).toMatch(/missing: nodejs npm g\+\+ python3-pip/);
    expect(existsSync(folder)).toBe(false);
  });
});
