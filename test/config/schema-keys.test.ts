import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isMember, settingsOf } from '../../src/config/schema-keys.js';
import { byteSize, duration } from '../../src/config/units.js';

const schema = z.strictObject({
  name: z.string().default('a').describe('Its name.'),
  group: z
    .strictObject({
      size: byteSize().default(2048).describe('How large.'),
      inner: z.strictObject({ wait: duration().default(1500) }).prefault({}),
    })
    .prefault({})
    .describe('A group.'),
  level: z.union([z.literal(4), z.literal(5)]).optional(),
  list: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('x'), at: z.enum(['p', 'q']).default('q') }),
      ]),
    )
    .default([]),
  record: z.record(z.string(), z.strictObject({ epochs: z.int().optional() })).default({}),
});

describe('the settings of a schema', () => {
  const settings = settingsOf(schema);
  const found = (key: string) => settings.find((s) => s.key === key);

  it('are listed group first, members of lists and records after them', () => {
    expect(settings.map((s) => s.key)).toEqual([
      'name',
      'group',
      'group.size',
      'group.inner',
      'group.inner.wait',
      'level',
      'list',
      'list.[].kind',
      'list.[].at',
      'record',
      'record.<name>.epochs',
    ]);
    expect(settings.filter((s) => s.group).map((s) => s.key)).toEqual(['group', 'group.inner']);
    expect(settings.filter((s) => isMember(s.key)).map((s) => s.key)).toEqual([
      'list.[].kind',
      'list.[].at',
      'record.<name>.epochs',
    ]);
  });

  it('have their default, also where the schema transforms what is written', () => {
    expect(found('name')).toMatchObject({ default: 'a', description: 'Its name.', unit: undefined });
    expect(found('group.size')).toMatchObject({ default: 2048, unit: 'bytes', description: 'How large.' });
    expect(found('group.inner.wait')).toMatchObject({ default: 1500, unit: 'ms' });
    expect(found('list')?.default).toEqual([]);
    expect(found('list.[].at')?.default).toBe('q');
    expect(found('level')?.default).toBeUndefined();
  });

  it('say which types and which few values they may have', () => {
    expect(found('name')).toMatchObject({ types: ['string'], allowed: [] });
    expect(found('group.size')?.types).toEqual(['string', 'number']);
    expect(found('level')).toMatchObject({ types: ['number', 'number'], allowed: [4, 5] });
    expect(found('list.[].at')?.allowed).toEqual(['p', 'q']);
    expect(found('record.<name>.epochs')?.types).toEqual(['integer']);
  });
});
