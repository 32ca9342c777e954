import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/backbone/manifest.js';

const root = packageRoot();
const pages = [
  ...readdirSync(root),
  ...readdirSync(join(root, 'docs')).map((name) => join('docs', name)),
].filter((name) => name.endsWith('.md'));

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8');

  it('links only to what is there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map((m) => m[1]!);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it('names only files of the project that are there', () => {
    const named = [...text.matchAll(/`((?:src|test|bench|device|models|scripts|systemd)\/[\w./-]+\.\w+)`/g)];
    expect(named.map((m) => m[1]!).filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

it('the README tells of every command', () => {
  const main = readFileSync(join(root, 'src/cli/main.ts'), 'utf8');
  const commands = [...main.matchAll(/import\('\.\/([a-z]+)\.js'\)/g)].map((m) => m[1]!);
  expect(commands.length).toBeGreaterThanOrEqual(12);
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  expect(commands.filter((c) => !new RegExp(`\\b${c}\\b`).test(readme))).toEqual([]);
});
