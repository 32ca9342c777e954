import { z } from 'zod';

/** A setting as the schema describes it. */
export interface Setting {
  /** Path with dots. */
  key: string;
  description: string;
  default: unknown;
}

interface JsonSchema {
  type?: string;
  properties?: Record<string, JsonSchema>;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
}

/** Every setting of a schema of nested objects, groups included before what is in them. */
export function settingsOf(schema: z.ZodType): (Setting & { group: boolean })[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const found: (Setting & { group: boolean })[] = [];
  const walk = (part: JsonSchema, path: string) => {
    for (const [name, inner] of Object.entries(part.properties ?? {})) {
      const key = path === '' ? name : `${path}.${name}`;
      const group = inner.properties !== undefined;
      found.push({ key, description: inner.description ?? '', default: inner.default, group });
      if (group) walk(inner, key);
    }
  };
  walk(json, '');
  return found;
}

/** The paths of all settings that are not groups. */
export function keysOf(schema: z.ZodType): string[] {
  return settingsOf(schema)
    .filter((s) => !s.group)
    .map((s) => s.key);
}
