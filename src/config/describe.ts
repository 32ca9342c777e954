import { stringify } from 'yaml';
import type { z } from 'zod';
import { settingsOf } from './schema-keys.js';

/** Every setting as YAML: its description as a comment, its default as a comment to uncomment. */
export function describeConfig(schema: z.ZodType): string {
  const lines: string[] = [];
  for (const { key, description, default: value, group } of settingsOf(schema)) {
    const path = key.split('.');
    const indent = '  '.repeat(path.length - 1);
    const name = path.at(-1)!;
    if (path.length === 1) lines.push('');
    if (description) lines.push(`${indent}# ${description}`);
    if (group) lines.push(`${indent}${name}:`);
    else if (value === undefined) lines.push(`${indent}# ${name}:`);
    else lines.push(`${indent}# ${name}: ${stringify(value, { collectionStyle: 'flow' }).trim()}`);
  }
  return `${lines.join('\n').trimStart()}\n`;
}
