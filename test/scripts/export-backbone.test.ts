import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/backbone/manifest.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();

/** Runs a script with nothing but Python's own library, as where PyTorch was never installed. */
function run(script: string, ...args: string[]) {
  const file = join(packageRoot(), 'scripts', script);
  const { status, stdout, stderr } = spawnSync('python3', ['-S', '-E', '-B', file, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('export_backbone.py without PyTorch', () => {
  it('explains itself, with examples', () => {
    const { status, stdout } = run('export_backbone.py', '--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/--source .*--name .*--weights .*--split .*--out .*examples:/s);
    expect(stdout).toContain('--source torchvision --name resnet18 --weights resnet18.pth');
  });

  it('says how to get what it needs', () => {
    const args = ['--source', 'timm', '--name', 'resnet18', '--out', scratch.path()];
    const { status, stderr } = run('export_backbone.py', ...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^error: the Python package 'torch' cannot be imported .*pip install torch torchvision timm/s,
    );
  });

  it('replaces no backbone that is there unless it is told to', () => {
    mkdirSync(scratch.path('out'));
    writeFileSync(scratch.path('out', 'resnet18.json'), '{}');
    const args = ['--source', 'timm', '--name', 'resnet18', '--out', scratch.path('out')];
    expect(run('export_backbone.py', ...args)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/resnet18\.json exist already.*--as.*--force/s),
    });
    expect(run('export_backbone.py', ...args, '--force').stderr).toContain("'torch' cannot be imported");
    expect(run('export_backbone.py', ...args, '--as', 'other').stderr).toContain(
      "'torch' cannot be imported",
    );
  });

  it.each([
    ['--size', '0', "'0' is not a number of pixels"],
    ['--mean', '1,2', "'1,2' is not one number or three"],
    ['--option', 'width', "'width' is not KEY=VALUE"],
    ['--as', 'a/b', "'a/b' has other signs than letters"],
    ['--source', 'keras', "invalid choice: 'keras'"],
  ])('refuses %s %s', (option, value, message) => {
    const { status, stderr } = run('export_backbone.py', '--source', 'timm', '--name', 'x', option, value);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  it('wants a folder to write to', () => {
    const { status, stderr } = run('export_backbone.py', '--source', 'timm', '--name', 'x');
    expect(status).toBe(2);
    expect(stderr).toBe('error: --out is missing: the folder that the backbone is written to\n');
  });
});

describe('make_gradient_fixtures.py without PyTorch', () => {
  it('says how to get what it needs', () => {
    const { status, stderr } = run('make_gradient_fixtures.py');
    expect(status).toBe(2);
    expect(stderr).toContain("the Python package 'torch' cannot be imported");
  });
});
