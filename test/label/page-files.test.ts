import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPageFiles } from '../../src/label/page-files.js';
import { errorOf } from '../error-of.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lichen-page-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

test('the page as it is built: one script, one style sheet, nothing that a strict policy forbids', async () => {
  const configFile = fileURLToPath(new URL('../../src/label/page/vite.config.ts', import.meta.url));
  await build({ configFile, logLevel: 'error', build: { outDir: folder } });
  const files = readPageFiles(folder);

  const html = files.get('/')!;
  expect(html.contentType).toBe('text/html; charset=utf-8');
  expect(html.cacheControl).toBe('no-cache');
  const text = html.body.toString();
  expect(text).not.toMatch(/<style|\sstyle=|\son[a-z]+=/i);
  const scripts = [...text.matchAll(/<script[^>]*>/g)].map(([tag]) => tag);
  expect(scripts).toHaveLength(1);
  expect(text).toMatch(/<script[^>]*><\/script>/);

  const named = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
  expect(named.map((path) => files.get(path)?.contentType).sort()).toEqual([
    'image/svg+xml',
    'text/css; charset=utf-8',
    'text/javascript; charset=utf-8',
  ]);
  expect(files.size).toBe(4);
  for (const path of named) {
    expect(path).toMatch(/^\/assets\/.+-[\w-]{8}\.\w+$/);
    expect(files.get(path)!.cacheControl).toBe('public, max-age=31536000, immutable');
  }

  // Nothing is fetched from elsewhere: names of XML namespaces and of an error page are all that looks like an address.
  const all = [...files.values()].map(({ body }) => body.toString()).join('\n');
  const addresses = [...all.matchAll(/https?:\/\/[\w.-]+/g)].map(([address]) => address);
  expect(addresses.filter((address) => address !== 'http://www.w3.org')).toEqual([]);
});

test('a page that was not built is told with what to do', () => {
  const error = errorOf(() => readPageFiles(folder));
  expect(error.code).toBe('page-missing');
  expect(error.message).toContain("Run 'npm run build'");
  expect(error.message).toContain(join(folder, 'index.html'));
});

test('a file of another kind is not served', () => {
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'assets', 'notes.txt'), 'left behind');
  const error = errorOf(() => readPageFiles(folder));
  expect(error.code).toBe('page-missing');
  expect(error.message).toContain('notes.txt');
});
