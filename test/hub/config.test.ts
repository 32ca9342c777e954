import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { hubConfigSchema } from '../../src/hub/config.js';

describe("the hub's configuration", () => {
  it('is whole without any setting, and listens on this machine only', () => {
    expect(hubConfigSchema.parse({})).toMatchObject({
      store: '/var/lib/lichen/hub',
      mqtt: { host: '127.0.0.1', port: 1883 },
      http: { host: '127.0.0.1', port: 8080 },
      log: 'info',
    });
  });

  it.each([
    [{ mqtt: { port: 70_000 } }, 'mqtt.port'],
    [{ mqtt: { prot: 1883 } }, 'mqtt'],
    [{ http: { host: '' } }, 'http.host'],
    [{ log: 'loud' }, 'log'],
    [{ keep: { events: 0 } }, 'keep.events'],
    [{ mqtt: { username: 'a' } }, 'mqtt'],
  ])('refuses %j, naming %s', (settings, path) => {
    const { error } = hubConfigSchema.safeParse(settings);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });

  it('describes every setting', () => {
    const undescribed: string[] = [];
    const walk = (node: z.core.JSONSchema.BaseSchema, path: string) => {
      for (const [key, child] of Object.entries(node.properties ?? {})) {
        if (typeof child === 'boolean') continue;
        if (child.description === undefined) undescribed.push(`${path}${key}`);
        walk(child, `${path}${key}.`);
      }
    };
    walk(z.toJSONSchema(hubConfigSchema, { io: 'input' }), '');
    expect(undescribed).toEqual([]);
  });
});
