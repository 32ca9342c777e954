import { stringify } from 'yaml';
import type { z } from 'zod';
import { isMember, type Setting, settingsOf } from './schema-keys.js';
import { formatQuantity } from './units.js';

/**
 * Every setting as YAML that `loadConfig` takes as it is: its description as a comment, its default as a comment to
 * uncomment. What a list or a record is made of follows it, as comments only.
 */
export function describeConfig(schema: z.ZodType): string {
  const lines: string[] = [];
  for (const setting of settingsOf(schema)) {
    const { key, description, allowed, group } = setting;
    const path = key.split('.');
    const indent = '  '.repeat(path.length - 1);
    const choice = allowed.length > 1 ? `One of ${allowed.join(', ')}.` : '';
    const meaning = [description, choice].filter((t) => t !== '').join(' ');
    if (isMember(key)) {
      lines.push(`# ${key}: ${[defaultOf(setting), meaning].filter((t) => t !== '').join('  # ')}`.trimEnd());
      continue;
    }
    if (path.length === 1) lines.push('');
    if (meaning) lines.push(`${indent}# ${meaning}`);
    if (group) lines.push(`${indent}${path.at(-1)}:`);
    else lines.push(`${indent}# ${path.at(-1)}: ${defaultOf(setting)}`.trimEnd());
  }
  return `${lines.join('\n').trimStart()}\n`;
}

function defaultOf({ default: value, unit }: Setting): string {
  if (value === undefined) return '';
  if (unit && typeof value === 'number') return formatQuantity(value, unit);
  return stringify(value, { collectionStyle: 'flow' }).trim();
}
