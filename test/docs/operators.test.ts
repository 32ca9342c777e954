import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { trainableOperators } from '../../src/autodiff/gradient.js';
import { packageRoot } from '../../src/backbone/manifest.js';

it('the page on models lists every operator that a crown may have, and no other', () => {
  const text = readFileSync(join(packageRoot(), 'docs/models.md'), 'utf8');
  const section = text.split('## Operators of a crown')[1]!.split('\n## ')[0]!;
  const rows = [...section.matchAll(/^\| [^|]+ \| ([^|]+) \|/gm)].map((m) => m[1]!);
  const listed = rows.slice(1).flatMap((row) => row.match(/(com\.microsoft::)?\b[A-Z]\w+/g) ?? []);
  expect(listed.sort()).toEqual([...trainableOperators].sort());
});
