import { stringify } from 'yaml';
import type { z } from 'zod';
import { isMember, type Setting, settingsOf } from './schema-keys.js';
import { formatQuantity } from './units.js';

/**
 * Every setting as YAML that `loadConfig` takes as it is: its description as a comment, its default as a comment to
 * uncomment. What a list or a record is made of follows it, as comments only; what several kinds of a list's members
 * have in common is described once.
 */
export function describeConfig(schema: z.ZodType): string {
  const lines: string[] = [];
  const described = new Set<string>();
  const settings = settingsOf(schema);
  for (const setting of settings) {
    const { key, group } = setting;
    const path = key.split('.');
    const indent = '  '.repeat(path.length - 1);
    const meaning = meaningOf(setting);
    if (isMember(key)) {
      const line = memberLine(setting);
      if (described.has(line)) continue;
      described.add(line);
      if (!tellsKind(setting)) lines.push(line);
      else lines.push('#', [line, commonOf(setting, settings, described)].join(''));
      continue;
    }
    if (path.length === 1) lines.push('');
    if (meaning) lines.push(`${indent}# ${meaning}`);
    if (group) lines.push(`${indent}${path.at(-1)}:`);
    else lines.push(`${indent}# ${path.at(-1)}: ${defaultOf(setting)}`.trimEnd());
  }
  return `${lines.join('\n').trimStart()}\n`;
}

function meaningOf({ description, allowed }: Setting): string {
  const choice = allowed.length > 1 ? `One of ${allowed.join(', ')}.` : '';
  return [description, choice].filter((t) => t !== '').join(' ');
}

/** A setting of a list's or a record's members. */
function memberLine(setting: Setting): string {
  const value = tellsKind(setting) ? String(setting.variant?.value) : defaultOf(setting);
  return `# ${setting.key}: ${[value, meaningOf(setting)].filter((t) => t !== '').join('  # ')}`.trimEnd();
}

/** Whether a setting tells of which kind a list's member is. */
function tellsKind({ key, variant }: Setting): boolean {
  return variant !== undefined && key.endsWith(`.[].${variant.key}`);
}

/** Names the settings of a kind that were described already, of another one. */
function commonOf(kind: Setting, settings: readonly Setting[], described: ReadonlySet<string>): string {
  const names = settings
    .filter((s) => s !== kind && s.variant === kind.variant && described.has(memberLine(s)))
    .map((s) => s.key.slice(kind.key.lastIndexOf('.') + 1).split('.')[0]!);
  return names.length === 0 ? '' : ` As above: ${[...new Set(names)].join(', ')}.`;
}

function defaultOf({ default: value, unit }: Setting): string {
  if (value === undefined) return '';
  if (unit && typeof value === 'number') return formatQuantity(value, unit);
  return stringify(value, { collectionStyle: 'flow' }).trim();
}
