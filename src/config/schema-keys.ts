import { z } from 'zod';

/** A setting as the schema describes it. */
export interface Setting {
  /** Path with dots; `[]` stands for a list's members, `<name>` for what a record's members are called. */
  key: string;
  description: string;
  /** What the setting is where nobody sets it; undefined where it is then left out. */
  default: unknown;
  /** Of a size or a time: what its number counts. */
  unit: 'bytes' | 'ms' | undefined;
  /** JSON types that it may have. */
  types: readonly string[];
  /** The values that it may have, where they are few. */
  allowed: readonly unknown[];
  /** Whether it may have others than those. */
  free: boolean;
  /** Whether it has to be set where its group or its list's member is. */
  required: boolean;
  /** Of a list of plain values: what each may be. */
  items: { types: readonly string[]; allowed: readonly unknown[] } | undefined;
  /** Holds further settings, which follow it. */
  group: boolean;
  /** Of a member that may be one of several kinds: the setting that tells which, and its value. */
  variant: Variant | undefined;
}

/** What tells one kind of a list's members from the others, such as `kind` and `directory`. */
export interface Variant {
  key: string;
  value: unknown;
}

interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  description?: string;
  default?: unknown;
  unit?: Setting['unit'];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

/** Every setting of a schema of nested objects, groups before what is in them, members of lists and records too. */
export function settingsOf(schema: z.ZodType): Setting[] {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // zod leaves out the defaults of what it transforms, such as sizes.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type === 'default') jsonSchema.default = (def as z.core.$ZodDefaultDef).defaultValue;
    },
  }) as JsonSchema;
  const found: Setting[] = [];
  const walk = (part: JsonSchema, path: string, variant?: Variant) => {
    for (const [name, inner] of Object.entries(part.properties ?? {})) {
      const key = path === '' ? name : `${path}.${name}`;
      const group = inner.properties !== undefined;
      const { description = '', default: value, unit } = inner;
      found.push({
        ...{ key, description, default: value, unit, group, variant },
        ...valuesOf(inner),
        required: part.required?.includes(name) === true,
        items:
          inner.items && !membersOf(inner.items).some((m) => m.properties)
            ? valuesOf(inner.items)
            : undefined,
      });
      walk(inner, key, variant);
    }
    for (const member of part.items ? membersOf(part.items) : []) {
      walk(member, `${path}.[]`, part.items?.oneOf && variantOf(member));
    }
    if (typeof part.additionalProperties === 'object') walk(part.additionalProperties, `${path}.<name>`);
  };
  walk(json, '');
  return found;
}

/** Whether a setting belongs to a list's or a record's members. */
export function isMember(key: string): boolean {
  return key.includes('[]') || key.includes('<name>');
}

function variantOf({ properties = {} }: JsonSchema): Variant | undefined {
  const found = Object.entries(properties).find(([, p]) => p.const !== undefined);
  return found && { key: found[0], value: found[1].const };
}

function valuesOf(schema: JsonSchema): Pick<Setting, 'types' | 'allowed' | 'free'> {
  const parts = membersOf(schema);
  return {
    types: parts.flatMap((p) => p.type ?? 'any'),
    allowed: parts.flatMap((p) => p.enum ?? (p.const === undefined ? [] : [p.const])),
    free: parts.some((p) => p.enum === undefined && p.const === undefined),
  };
}

const membersOf = (s: JsonSchema): JsonSchema[] => s.anyOf ?? s.oneOf ?? [s];
