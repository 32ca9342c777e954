import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { agentConfigSchema } from '../../src/agent/config.js';
import { describeConfig } from '../../src/config/describe.js';
import { loadConfig } from '../../src/config/load.js';
import { isMember, settingsOf } from '../../src/config/schema-keys.js';
import { hubConfigSchema } from '../../src/hub/config.js';
import { scratchFolder } from '../store/scratch.js';

describe.each<[string, z.ZodType]>([
  ['agent', agentConfigSchema],
  ['hub', hubConfigSchema],
])('the described settings of the %s', (name, schema) => {
  const scratch = scratchFolder();
  const text = describeConfig(schema);
  const lines = text.split('\n');
  const load = (settings: string) => {
    const file = scratch.path(`${name}.yaml`);
    writeFileSync(file, settings);
    return loadConfig(schema, file, { env: {} });
  };
  const defaults = loadConfig(schema, undefined, { env: {} });

  it('have every key, and its meaning on the line before', () => {
    for (const { key, description, group } of settingsOf(schema)) {
      if (isMember(key)) {
        expect(
          lines.some((l) => l.startsWith(`# ${key}:`)),
          key,
        ).toBe(true);
        continue;
      }
      const path = key.split('.');
      const indent = '  '.repeat(path.length - 1);
      const at = lines.findIndex((l) => l.startsWith(`${indent}${group ? '' : '# '}${path.at(-1)}:`));
      expect(at, key).toBeGreaterThan(0);
      expect(description, key).not.toBe('');
      expect(lines[at - 1], key).toMatch(new RegExp(`^${indent}# \\S`));
      expect(
        lines.some((l) => l.startsWith(`${indent}# ${description}`)),
        key,
      ).toBe(true);
    }
  });

  it('are accepted as they are, and are the defaults', () => {
    expect(load(text)).toEqual(defaults);
  });

  it('are the defaults also when every line with a value is uncommented', () => {
    const uncommented = text.replaceAll(/^( *)# (\w+: .+)$/gm, '$1$2');
    expect(uncommented).not.toBe(text);
    expect(load(uncommented)).toEqual(defaults);
    for (const { key, group, default: value } of settingsOf(schema)) {
      if (group || value === undefined || isMember(key)) continue;
      expect(uncommented).toMatch(new RegExp(`^ *${key.split('.').at(-1)}: .`, 'm'));
    }
  });

  it('write sizes and times in units', () => {
    for (const { key, unit, default: value } of settingsOf(schema)) {
      if (!unit || value === undefined) continue;
      const line = lines.find((l) => l.includes(`# ${isMember(key) ? key : key.split('.').at(-1)}: `));
      expect(line, key).toMatch(/: \d+ (B|kB|MB|GB|KiB|MiB|GiB|ms|s|min|h|d)\b/);
    }
  });
});

describe('what a list is made of', () => {
  it('is described with its choices', () => {
    expect(describeConfig(agentConfigSchema)).toMatch(
      /^# sources\.\[\]\.layout: flat {2}# .*One of task\/class, class, flat\.$/m,
    );
    expect(describeConfig(agentConfigSchema)).toMatch(/^# sources\.\[\]\.settle: 500 ms /m);
  });

  it('is described for each of its kinds, what they have in common once', () => {
    const text = describeConfig(agentConfigSchema);
    expect(text).toMatch(
      /^# sources\.\[\]\.kind: rpicam {2}# .* As above: name, task, rate, region, trigger, /m,
    );
    expect(text.match(/^# sources\.\[\]\.trigger\.motion\.area: /gm)).toHaveLength(1);
  });
});
