import { parse, stringify } from 'yaml';
import type { Setting } from '../config/schema-keys.js';
import { formatQuantity } from '../config/units.js';
import type { ListField } from './settings-api.js';

/** How a setting is asked for, alone or in a list's member. */
export function kindOf(setting: Setting): ListField['kind'] {
  const { types, allowed, free, items, group } = setting;
  if (group) return 'group';
  if (items) return items.allowed.length > 0 ? 'choices' : 'values';
  if (types.includes('object')) return 'record';
  if (types.length === 1 && types[0] === 'boolean') return 'switch';
  if (allowed.length > 1 && !free) return 'choice';
  return types.every((t) => t === 'number' || t === 'integer') ? 'number' : 'text';
}

/** What is typed as the value that a settings file has; what does not fit stays as it is, and is refused then. */
export function typed(text: string, setting: Setting): unknown {
  switch (kindOf(setting)) {
    case 'values':
    case 'choices':
      return lines(text).map((line) => scalar(line, setting.items!));
    case 'record':
      return record(text);
    default:
      return scalar(text, setting);
  }
}

/** A value as it is typed; sizes and times with their unit. */
export function written(value: unknown, setting: Setting): string {
  if (value === undefined || value === null) return '';
  const { unit, items } = setting;
  if (unit && typeof value === 'number') return formatQuantity(value, unit);
  if (items && Array.isArray(value)) return value.map(String).join('\n');
  return typeof value === 'object' ? stringify(value).trim() : String(value);
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function scalar(
  text: string,
  { types, allowed, unit }: Pick<Setting, 'types' | 'allowed'> & { unit?: Setting['unit'] },
): unknown {
  if (types.includes('boolean') && ['true', 'false'].includes(text)) return text === 'true';
  const choice = allowed.find((a) => String(a) === text);
  if (choice !== undefined) return choice;
  const numbers = types.some((t) => t === 'number' || t === 'integer');
  // A size or a time keeps its unit.
  if (numbers && !unit && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  return text;
}

function record(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}
