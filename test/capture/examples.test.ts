import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { agentConfigSchema } from '../../src/agent/config.js';
import { packageRoot } from '../../src/backbone/manifest.js';
import { sourceSchema } from '../../src/capture/config.js';
import { Counters } from '../../src/capture/counters.js';

const page = (name: string) => readFileSync(join(packageRoot(), 'docs', name), 'utf8');

/** The examples of settings in a page; those that only go on with a list of sources are made whole. */
function examples(name: string): string[] {
  const blocks = [...page(name).matchAll(/```yaml\n(.*?)```/gs)].map((m) => m[1]!);
  return blocks.map((b) => (/^sources:/m.test(b) ? b : `sources:\n${b}`));
}

describe.each(['capture.md', 'deploy.md'])("%s's examples", (name) => {
  it.each(examples(name))('%s', (text) => {
    const parsed = agentConfigSchema.safeParse(parse(text));
    expect(parsed.error?.issues ?? []).toEqual([]);
    expect(parsed.data!.sources.length).toBeGreaterThan(0);
  });
});

describe('capture.md', () => {
  const text = page('capture.md');

  it('has every kind of source in its table, and an example of it', () => {
    const kinds = sourceSchema.def.options.map((o) => [...o.def.shape.kind.def.values][0]!);
    expect(kinds.length).toBeGreaterThanOrEqual(9);
    for (const kind of kinds) {
      expect(text).toMatch(new RegExp(`^\\| \`${kind}\` \\|`, 'm'));
      if (kind !== 'directory') expect(text).toMatch(new RegExp(`kind: ${kind}\\b`));
    }
  });

  it('says what every counter means', () => {
    for (const field of Object.keys(new Counters('a', 'b').get())) expect(text).toContain(`\`${field}\``);
  });
});
